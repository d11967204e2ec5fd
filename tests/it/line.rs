//! The connection breaks, or the other side answers with an error, at every single request of an import.

use crate::{power::Engine, proxy::Fault};

#[tokio::test]
async fn any_request_and_any_answer_may_be_lost_or_cut() {
    for fault in [Fault::LoseRequest, Fault::LoseAnswer, Fault::CutMidBody] {
        Engine::OneFull.every_request_meets(fault).await;
    }
}

#[tokio::test]
async fn any_request_may_be_delayed_or_fail_without_a_reason() {
    for status in [503, 412, 409] {
        Engine::OneFull.every_request_meets(Fault::Answer(status, None)).await;
    }
}
