//! A primary that Sentinels name: found through a majority of them, and through nothing less.

use crate::fixture::{Folder, check, sample};
use crate::support::redis::Redis;
use crate::support::sentinel::Sentinel;
use crate::support::server::Server;

#[test]
fn the_primary_is_the_one_that_a_majority_names() {
    let redis = Redis::start();
    let folder = Folder::empty();
    let sentinels = [(); 2].map(|()| Sentinel::watch(redis.port(), 1, &[]));
    let [one, other] = sentinels.each_ref().map(|sentinel| format!("127.0.0.1:{}", sentinel.port()));
    let majority = format!("redis+sentinel://{one},127.0.0.1:1,{other}/main");
    let minority = format!("redis+sentinel://127.0.0.1:1,127.0.0.1:2,{one}/main");
    let stranger = format!("redis+sentinel://{one},{other}/other");

    folder.run(&["import", "--redis", &majority, sample().to_str().unwrap()]).expect(0, "imported 2");
    let ask = |url: &str| folder.run(&[&check("cy", "administrator")[..], &["--redis", url]].concat());
    ask(&majority).expect(0, "allow");
    ask(&minority).expect(3, "no majority of 3 Sentinels, of which 1 answered, names one primary of main");
    ask(&stranger).expect(3, "no majority of 2 Sentinels, of which 2 answered, names one primary of other");

    let server = Server::over_redis(&majority);
    let query = "/check?account=cy&organization=acme&product=LiveChat&role=administrator";
    assert_eq!(server.client().get(query).json()["allowed"], true);
    server.kill();
}
