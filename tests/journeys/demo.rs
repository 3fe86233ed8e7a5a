//! The main job as one story.

use usher_tests::{
    Suite,
    demo::{self, Steps},
};

#[tokio::test]
async fn the_main_job_from_a_file_of_people_to_a_person_let_in() {
    let suite = Suite::start().await;
    if let Err(error) = demo::run(&suite.setting(), &mut Steps::new(true)).await {
        panic!("{error:#}");
    }
    suite.stop().await;
}
