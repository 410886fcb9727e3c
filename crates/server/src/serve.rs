//! Serves the router on a listener until told to stop.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

use crate::App;

/// Serves until `shutdown` resolves; then takes no new connections, ends streams, and returns when the
/// open requests are answered or the grace period of the options is over.
///
/// # Errors
///
/// When the listener breaks.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let closing = app.closing.clone();
    let grace = app.parts.options.shutdown_grace;
    let patience = u32::try_from(app.parts.options.write_timeout.as_millis()).unwrap_or(u32::MAX);
    let listener = listener.tap_io(move |stream| {
        // Small events go out at once, and a reader that stopped reading is cut off.
        let _ = stream.set_nodelay(true);
        #[cfg(target_os = "linux")]
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&*stream, patience);
        #[cfg(not(target_os = "linux"))]
        let _ = patience;
    });
    let router = crate::router(app).into_make_service_with_connect_info::<SocketAddr>();
    let closed = closing.clone();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        closing.cancel();
    });
    let too_late = async {
        closed.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        served = std::future::IntoFuture::into_future(serving) => served,
        () = too_late => Ok(()),
    }
}
