//! The agents over a model that follows a script: what goes out to it, and what comes of what it says.

mod chats;
mod choices;
mod hostile;
mod rounds;
mod scripted;
mod shown_tools;
