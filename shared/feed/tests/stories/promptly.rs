//! The stream carries the events; the producer is only asked about gaps.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use contract::{
    Id,
    feed::{
        ReadEventsRequest, ReadEventsResponse,
        feed_service_client::FeedServiceClient,
        feed_service_server::{FeedService, FeedServiceServer},
    },
};
use rpc::{Channel, Reply};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status, service::Routes};

use crate::stage::{Counting, Running, Stage, channel};

/// A producer whose service can be away while its relay runs.
struct Switch {
    service: FeedServiceClient<Channel>,
    away: Arc<AtomicBool>,
}

#[tonic::async_trait]
impl FeedService for Switch {
    async fn read_events(&self, request: Request<ReadEventsRequest>) -> Reply<ReadEventsResponse> {
        if self.away.load(SeqCst) {
            return Err(Status::unavailable("away"));
        }
        let (_, _, ask) = request.into_parts();
        self.service.clone().read_events(ask).await
    }
}

#[tokio::test]
async fn events_come_by_the_stream_while_the_producer_does_not_answer() {
    let stage = Stage::new(4).await;
    let mut db = stage.admin().await;
    let away = Arc::new(AtomicBool::new(false));
    let switch = Switch {
        service: FeedServiceClient::new(channel(&stage.writers)),
        away: away.clone(),
    };
    let producer = Channel::local(Routes::new(FeedServiceServer::new(switch)).prepare());
    let (readers, redis) = (stage.readers.clone(), Some(stage.redis()));
    let following = feed::follow(
        Counting::default(),
        readers,
        redis,
        producer,
        CancellationToken::new(),
    );
    let _reader = Running(tokio::spawn(following));
    let _relay = stage.relay(Some(stage.redis()));
    let tenants = [(); 8].map(|()| Id::new());
    for tenant in tenants {
        stage.write(tenant, 0).await;
    }
    stage
        .until_effects(&mut db, 8, Duration::from_secs(5))
        .await;
    away.store(true, SeqCst);
    for tenant in tenants {
        stage.write(tenant, 1).await;
    }
    stage
        .until_effects(&mut db, 16, Duration::from_secs(5))
        .await;
    assert_eq!(stage.counts(&mut db).await, (16, 16, 16));
}
