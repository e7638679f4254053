//! Waits for several things at once, and for each of them to its end.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// Something that is waited for.
pub(super) type Waiting<'w, T> = Pin<Box<dyn Future<Output = T> + Send + 'w>>;

/// What each of these comes to, in their order.
pub(super) async fn all<T>(waiting: Vec<Waiting<'_, T>>) -> Vec<T> {
    let mut waiting: Vec<_> = waiting.into_iter().map(State::Waiting).collect();
    poll_fn(|context| {
        let mut is_done = true;
        for state in &mut waiting {
            if let State::Waiting(future) = state {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *state = State::Done(value),
                    Poll::Pending => is_done = false,
                }
            }
        }
        if is_done {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    let values = waiting.into_iter().filter_map(|state| match state {
        State::Done(value) => Some(value),
        State::Waiting(_) => None,
    });
    values.collect()
}

enum State<'w, T> {
    Waiting(Waiting<'w, T>),
    Done(T),
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn all_are_waited_for_at_once() {
        let (sender, receiver) = oneshot::channel();
        // The first can only end after the second has begun.
        let first: Waiting<'_, u8> = Box::pin(async { receiver.await.unwrap() });
        let second: Waiting<'_, u8> = Box::pin(async {
            sender.send(1).unwrap();
            2
        });
        assert_eq!(all(vec![first, second]).await, [1, 2]);
        assert!(all::<u8>(Vec::new()).await.is_empty());
    }
}
