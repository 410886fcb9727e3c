//! From words to workflows: providers write drafts, and the one compose loop turns a draft into a
//! validated workflow or says why it can't.
