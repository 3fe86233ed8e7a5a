//! B-59: each event has its effect exactly once, whoever is killed. Seen red
//! (489 effects of 400 events) with the cursor's guard `position = $4 - 1` off.

use std::time::Duration;

use contract::Id;
use feed::Redis;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::stage::{PRODUCER, Running, Stage, write};

const EVENTS: u64 = 400;
const KILLS: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b_59_effects_equal_events_through_kills_and_duplicates() {
    let stage = Stage::new(8).await;
    let redis = stage.redis();
    let mut db = stage.admin().await;
    let store = stage.writers.clone();
    let writing = tokio::spawn(async move {
        let tenants = [(); 8].map(|()| Id::new());
        for number in 0..EVENTS {
            write(
                &store,
                tenants[usize::try_from(number % 8).expect("small")],
                number,
            )
            .await;
        }
    });
    // Two replicas of each, one of which dies every few milliseconds.
    let start = |place: usize| -> Running {
        if place < 2 {
            stage.relay(Some(redis.clone()))
        } else {
            stage.reader(Some(redis.clone()))
        }
    };
    let mut running: Vec<Running> = (0..4).map(start).collect();
    let mut random = StdRng::seed_from_u64(59);
    for _ in 0..KILLS {
        duplicate(&redis, &mut random).await;
        tokio::time::sleep(Duration::from_millis(random.random_range(1..25))).await;
        let place = random.random_range(0..4);
        running[place] = start(place);
    }
    writing.await.expect("written");
    let events = EVENTS.cast_signed();
    stage
        .until_effects(&mut db, events, Duration::from_secs(8))
        .await;
    assert_eq!(stage.counts(&mut db).await, (events, events, events));
}

/// Appends what a confused relay might: an event of the stream again, under its
/// own id, which Redis refuses, and under a later one, which it takes.
async fn duplicate(redis: &Redis, random: &mut StdRng) {
    let key = redis.key(&format!(
        "usher:feed:{{{PRODUCER}.{}}}",
        random.random_range(0..4)
    ));
    let script = redis::Script::new(
        "local all = redis.call('XRANGE', KEYS[1], '-', '+')
         if #all == 0 then return 0 end
         local entry = all[tonumber(ARGV[1]) % #all + 1]
         redis.pcall('XADD', KEYS[1], entry[1], 'event', entry[2][2])
         local last = all[#all][1]
         redis.pcall('XADD', KEYS[1], string.gsub(last, '-0$', '-1'), 'event', entry[2][2])
         return 1",
    );
    let pick: u32 = random.random_range(0..1000);
    let done = redis.call(async |mut connection| {
        script
            .key(key)
            .arg(pick)
            .invoke_async::<i64>(&mut connection)
            .await
    });
    // While it is slow there is one duplicate less.
    drop(done.await);
}
