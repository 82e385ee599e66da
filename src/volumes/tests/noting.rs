use super::*;
use crate::volumes::notes::{Notes, Repeated};
use crate::volumes::protocol::{Call, Received, Request, received};
use crate::volumes::state::Change;
use std::time::Duration;

const BEGUN: Duration = Duration::from_secs(1000);
const LATER: Duration = Duration::from_secs(1005);

fn mount(name: &str, id: &str) -> Request {
    let (name, id) = (name.to_owned(), id.to_owned());
    Request::Mount { name, id }
}

fn unmount(name: &str, id: &str) -> Request {
    mount(name, id).opposite().unwrap()
}

/// What the next process finds when these were under way.
fn after(requests: &[Request]) -> Notes {
    let mut notes = Notes::default();
    for request in requests {
        notes.begin(request, BEGUN);
    }
    again(&notes, LATER)
}

fn again(notes: &Notes, now: Duration) -> Notes {
    Notes::inherit(&notes.render().unwrap(), now).unwrap()
}

/// What a request without its body stands for.
fn meant(notes: &mut Notes, call: Call) -> Vec<Request> {
    match notes.repeated(call) {
        Repeated::CarryOut(requests) => requests.into_iter().map(|(_, it)| it).collect(),
        Repeated::Refuse(why) => panic!("{why}"),
    }
}

#[track_caller]
fn refused(notes: &mut Notes, call: Call) -> String {
    match notes.repeated(call) {
        Repeated::Refuse(why) => why,
        Repeated::CarryOut(requests) => panic!("{requests:?}"),
    }
}

#[test]
fn a_request_without_its_body_is_a_repetition_where_it_needs_one() {
    for call in Call::ALL {
        let path = format!("/VolumeDriver.{}", call.name());
        assert_eq!(received(&path, b""), Ok(Received::Repeated(call)));
        assert!(received(&path, b"{}").is_err());
    }
    for (path, request) in [
        ("/VolumeDriver.List", Request::List),
        ("/Plugin.Activate", Request::Activate),
        ("/VolumeDriver.Capabilities", Request::Capabilities),
    ] {
        assert_eq!(received(path, b""), Ok(Received::Request(request)));
    }
}

#[test]
fn what_was_under_way_is_known_again_and_every_kind_by_itself() {
    let name = || "a".to_owned();
    let requests = [
        Request::Create {
            name: name(),
            options: options("fs-1:/"),
        },
        Request::Remove { name: name() },
        mount("a", "one"),
        unmount("b", "two"),
        Request::Path { name: name() },
        Request::Get { name: name() },
    ];
    let mut notes = after(&requests);
    for request in requests {
        let call = request.call().unwrap();
        assert_eq!(meant(&mut notes, call), std::slice::from_ref(&request));
        // Until Docker has the answer, whatever becomes of this process.
        let mut next = again(&notes, LATER);
        assert_eq!(meant(&mut next, call), [request]);
    }
}

#[test]
fn what_was_answered_is_not_repeated() {
    let mut notes = Notes::default();
    let number = notes.begin(&mount("a", "one"), BEGUN);
    notes.end(number);
    let why = refused(&mut again(&notes, LATER), Call::Mount);
    assert!(why.contains("the body of this Mount is missing"), "{why}");
    assert!(why.contains("none is known"), "{why}");

    let mut notes = after(&[mount("a", "one")]);
    let Repeated::CarryOut(found) = notes.repeated(Call::Mount) else {
        panic!("it is known");
    };
    notes.end(found[0].0);
    refused(&mut notes, Call::Mount);
    refused(&mut again(&notes, LATER), Call::Mount);
}

#[test]
fn one_volume_has_one_answer_and_two_have_none() {
    let both = [mount("a", "one"), mount("a", "two")];
    assert_eq!(meant(&mut after(&both), Call::Mount), both);
    // Unmounting has one answer whatever the volume.
    let both = [unmount("a", "one"), unmount("b", "two")];
    assert_eq!(meant(&mut after(&both), Call::Unmount), both);

    let both = [mount("a", "one"), mount("b", "two")];
    let mut notes = after(&both);
    let why = refused(&mut notes, Call::Mount);
    assert!(why.contains(r#"any of those for "a", "b""#), "{why}");
    // As long as one of the two may have been answered by the process before, nobody's use is taken back.
    assert_eq!(notes.all_refused(Call::Mount), []);
    refused(&mut notes, Call::Mount);
    let nobodys: Vec<Request> = notes
        .all_refused(Call::Mount)
        .into_iter()
        .map(|(_, it)| it)
        .collect();
    assert_eq!(nobodys, both);
}

#[test]
fn another_volume_of_the_same_name_is_no_repetition() {
    let create = |device: &str| Request::Create {
        name: "a".to_owned(),
        options: options(device),
    };
    let mut notes = after(&[create("fs-1:/"), create("fs-2:/")]);
    refused(&mut notes, Call::Create);
}

#[test]
fn who_asks_for_the_opposite_had_his_answer() {
    for (before, now) in [
        (mount("a", "one"), unmount("a", "one")),
        (unmount("a", "one"), mount("a", "one")),
    ] {
        let mut notes = after(&[before]);
        assert!(
            notes.has_inherited("a", Change::Mount, "one")
                ^ notes.has_inherited("a", Change::Unmount, "one")
        );
        notes.begin(&now, LATER);
        assert!(!notes.has_inherited("a", Change::Mount, "one"));
        assert!(!notes.has_inherited("a", Change::Unmount, "one"));
    }
}

#[test]
fn a_client_that_repeats_the_body_too_is_the_same_one() {
    let mut notes = after(&[mount("a", "one")]);
    let number = notes.begin(&mount("a", "one"), LATER);
    assert_eq!(
        meant(&mut again(&notes, LATER), Call::Mount),
        [mount("a", "one")]
    );
    notes.end(number);
    refused(&mut notes, Call::Mount);
}

#[test]
fn docker_gives_up_and_whoever_unmounts_is_through() {
    let mut before = Notes::default();
    before.begin(&mount("a", "one"), BEGUN);
    before.begin(&unmount("b", "two"), BEGUN);
    let mut notes = again(&before, BEGUN + Duration::from_mins(2));
    refused(&mut notes, Call::Mount);
    assert_eq!(meant(&mut notes, Call::Unmount), [unmount("b", "two")]);
}

#[test]
fn what_is_taken_back_is_unmounted_by_the_next_process() {
    let mut notes = Notes::default();
    let number = notes.begin(&mount("a", "one"), BEGUN);
    notes.turn_round(number);
    let mut notes = again(&notes, LATER);
    refused(&mut notes, Call::Mount);
    assert_eq!(meant(&mut notes, Call::Unmount), [unmount("a", "one")]);
}

#[test]
fn what_is_carried_out_is_so_once() {
    let mut notes = after(&[unmount("a", "one")]);
    let (number, _) = notes.unmounts()[0].clone();
    assert!(notes.is_due(number));
    notes.done(number);
    assert!(!notes.is_due(number));
    assert_eq!(notes.forget_inherited(), [unmount("a", "one")]);
    assert_eq!(notes.unmounts(), []);
}

#[test]
fn a_broken_file_is_an_error() {
    for broken in [&b""[..], b"{", b"[]", b"{}", br#"{"requests":[{"at":1}]}"#] {
        Notes::inherit(broken, LATER).unwrap_err();
    }
}

#[test]
fn a_mount_too_many_may_be_of_any_volume() {
    let mut notes = after(&[mount("a", "one")]);
    notes.mount_arrives();
    assert_eq!(meant(&mut notes, Call::Mount), [mount("a", "one")]);
    notes.mount_arrives();
    let why = refused(&mut notes, Call::Mount);
    assert!(why.contains("it may be any of those"), "{why}");
    assert_eq!(notes.all_refused(Call::Mount).len(), 1);
}
