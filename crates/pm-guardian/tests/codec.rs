//! The messages against a model: everything comes back, and no bytes whatever are misread.
#![expect(clippy::unwrap_used, reason = "a test")]

use pm_guardian::{
    DecodeError, FromGuardian, ItemKind, ItemName, LeaderExit, MAX_MESSAGE, MAX_NAME, MAX_PATH,
    StartReason, ToGuardian, WaitStatus,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), Just(u64::MAX), Just(1 << 32), any::<u64>()]
}

fn kind() -> impl Strategy<Value = ItemKind> {
    let pid = prop_oneof![Just(1), Just(i32::MAX), 1..i32::MAX];
    prop_oneof![
        pid.prop_map(|pid| ItemKind::Pidfd { pid }),
        Just(ItemKind::Stream),
        Just(ItemKind::Other)
    ]
}

fn name() -> impl Strategy<Value = ItemName> {
    prop_oneof![Just(vec![]), Just(vec![0xff; MAX_NAME]), vec(any::<u8>(), 0..=MAX_NAME)]
        .prop_map(|bytes| ItemName::parse(&bytes).unwrap())
}

fn status() -> impl Strategy<Value = WaitStatus> {
    prop_oneof![
        Just(WaitStatus::Unknown),
        Just(WaitStatus::Wait(0)),
        any::<i32>().prop_map(WaitStatus::Wait)
    ]
}

fn to_guardian() -> impl Strategy<Value = ToGuardian> {
    let path = prop_oneof![Just(0), Just(MAX_PATH - 1), 0..MAX_PATH]
        .prop_flat_map(|length| vec(1..=u8::MAX, length))
        .prop_map(|rest| [b"/", rest.as_slice()].concat().into());
    prop_oneof![
        (number(), any::<u8>(), kind(), name())
            .prop_map(|(tag, slot, kind, name)| ToGuardian::Store { tag, slot, kind, name }),
        (number(), any::<Option<u8>>()).prop_map(|(tag, slot)| ToGuardian::Drop { tag, slot }),
        (number(), any::<i32>()).prop_map(|(tag, pid)| ToGuardian::Ack { tag, pid }),
        (number(), any::<u8>()).prop_map(|(tag, slot)| ToGuardian::Redirect { tag, slot }),
        path.prop_map(|path| ToGuardian::Update { path }),
        Just(ToGuardian::List),
        Just(ToGuardian::Adopted),
        Just(ToGuardian::Leave),
        Just(ToGuardian::Ready),
        Just(ToGuardian::HandOver),
        Just(ToGuardian::Pong),
        Just(ToGuardian::AcceptRelay),
    ]
}

fn from_guardian() -> impl Strategy<Value = FromGuardian> {
    let why = prop_oneof![
        Just(StartReason::First),
        status().prop_map(StartReason::Ended),
        Just(StartReason::Updated),
        Just(StartReason::RolledBack),
        Just(StartReason::Inherited),
    ];
    let exit = (number(), any::<i32>(), status(), any::<i64>(), any::<i64>());
    prop_oneof![
        (any::<u32>(), why).prop_map(|(number, why)| FromGuardian::Incarnation { number, why }),
        Just(FromGuardian::Listener),
        (number(), any::<u8>(), kind(), name())
            .prop_map(|(tag, slot, kind, name)| FromGuardian::Item { tag, slot, kind, name }),
        Just(FromGuardian::EndOfList),
        Just(FromGuardian::Ping),
        exit.prop_map(|(tag, pid, status, unix_ms, boot_ms)| {
            FromGuardian::Exit(LeaderExit { tag, pid, status, unix_ms, boot_ms })
        }),
    ]
}

fn bytes_to(message: &ToGuardian) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    bytes
}

fn bytes_from(message: &FromGuardian) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    bytes
}

proptest! {
    #[test]
    fn everything_comes_back(to in to_guardian(), from in from_guardian()) {
        let (to_bytes, from_bytes) = (bytes_to(&to), bytes_from(&from));
        prop_assert!(to_bytes.len() <= MAX_MESSAGE && from_bytes.len() <= MAX_MESSAGE);
        prop_assert_eq!(ToGuardian::decode(&to_bytes), Ok(to));
        prop_assert_eq!(FromGuardian::decode(&from_bytes), Ok(from));
        // The two directions can't be taken for each other.
        prop_assert!(ToGuardian::decode(&from_bytes).is_err());
        prop_assert!(FromGuardian::decode(&to_bytes).is_err());
    }

    /// What is cut off or continued is another message or none, never the same one.
    #[test]
    fn cut_and_continued_messages_are_not_the_message(
        to in to_guardian(),
        from in from_guardian(),
        cut in any::<prop::sample::Index>(),
        more in vec(any::<u8>(), 1..20),
    ) {
        let bytes = bytes_to(&to);
        let short = &bytes[..cut.index(bytes.len())];
        prop_assert_ne!(ToGuardian::decode(short).ok(), Some(to.clone()));
        prop_assert_ne!(ToGuardian::decode(&[bytes, more.clone()].concat()).ok(), Some(to));
        let bytes = bytes_from(&from);
        prop_assert!(FromGuardian::decode(&bytes[..cut.index(bytes.len())]).is_err());
        prop_assert!(FromGuardian::decode(&[bytes, more].concat()).is_err());
    }

    /// Whatever is understood says exactly the bytes it came from: there is one form per message.
    #[test]
    fn hostile_bytes_are_refused_or_canonical(
        kind in prop_oneof![0..12_u8, 60..72_u8, any::<u8>()],
        rest in vec(prop_oneof![Just(0), Just(1), Just(b'/'), any::<u8>()], 0..90),
    ) {
        let bytes = [&[kind], rest.as_slice()].concat();
        if let Ok(message) = ToGuardian::decode(&bytes) {
            prop_assert_eq!(&bytes_to(&message), &bytes);
        }
        if let Ok(message) = FromGuardian::decode(&bytes) {
            prop_assert_eq!(&bytes_from(&message), &bytes);
        }
    }
}

/// During an update, an old and a new binary talk to each other.
#[test]
fn the_bytes_stay_what_they_are() {
    let name = ItemName::parse(b"7:9").unwrap();
    let hex = |bytes: Vec<u8>| {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    };
    let (tag, slot) = (0x0102_0304_0506_0708, 2);
    let to = [
        ToGuardian::Store { tag, slot, kind: ItemKind::Pidfd { pid: 77 }, name },
        ToGuardian::Store { tag, slot, kind: ItemKind::Stream, name: ItemName::EMPTY },
        ToGuardian::Store { tag, slot, kind: ItemKind::Other, name },
        ToGuardian::Drop { tag, slot: Some(3) },
        ToGuardian::Drop { tag, slot: None },
        ToGuardian::Ack { tag, pid: -2 },
        ToGuardian::Update { path: b"/pm"[..].into() },
        ToGuardian::Redirect { tag, slot },
    ];
    let exit = LeaderExit { tag, pid: 5, status: WaitStatus::Wait(256), unix_ms: -1, boot_ms: 9 };
    let why = StartReason::Ended(WaitStatus::Unknown);
    let from = [
        FromGuardian::Incarnation { number: 3, why },
        FromGuardian::Incarnation { number: 3, why: StartReason::Inherited },
        FromGuardian::Item { tag, slot, kind: ItemKind::Stream, name },
        FromGuardian::Exit(exit),
    ];
    let plain = [
        ToGuardian::List,
        ToGuardian::Adopted,
        ToGuardian::Leave,
        ToGuardian::Ready,
        ToGuardian::HandOver,
        ToGuardian::Pong,
        ToGuardian::AcceptRelay,
    ];
    let told: Vec<_> =
        to.iter().map(bytes_to).chain(from.iter().map(bytes_from)).map(hex).collect();
    let expected = [
        "01080706050403020102004d00000003373a39",
        "01080706050403020102010000000000",
        "01080706050403020102020000000003373a39",
        "02080706050403020103",
        "020807060504030201",
        "030807060504030201feffffff",
        "062f706d",
        "0a080706050403020102",
        "4103000000010000000000",
        "410300000004",
        "43080706050403020102010000000003373a39",
        "450807060504030201050000000100010000ffffffffffffffff0900000000000000",
    ];
    assert_eq!(told, expected);
    assert_eq!(plain.iter().flat_map(bytes_to).collect::<Vec<_>>(), [4, 5, 7, 8, 9, 11, 12]);
    let plain = [FromGuardian::Listener, FromGuardian::EndOfList, FromGuardian::Ping];
    assert_eq!(plain.iter().flat_map(bytes_from).collect::<Vec<_>>(), [66, 68, 70]);
}

#[test]
fn limits_hold() {
    assert_eq!(ToGuardian::decode(&[]), Err(DecodeError::Empty));
    assert_eq!(ToGuardian::decode(&[0]), Err(DecodeError::Kind(0)));
    assert!(ItemName::parse(&[0; MAX_NAME + 1]).is_none());
    let relative = ToGuardian::Update { path: b"pm"[..].into() };
    assert_eq!(ToGuardian::decode(&bytes_to(&relative)), Err(DecodeError::Kind(6)));
    let holed = ToGuardian::Update { path: b"/p\0m"[..].into() };
    assert_eq!(ToGuardian::decode(&bytes_to(&holed)), Err(DecodeError::Kind(6)));
}

#[test]
fn descriptors_are_counted() {
    let store = |kind| ToGuardian::Store { tag: 1, slot: 0, kind, name: ItemName::EMPTY };
    let allowed = |message: &ToGuardian| (0..4).filter(|n| message.allows(*n)).collect::<Vec<_>>();
    assert_eq!(allowed(&store(ItemKind::Pidfd { pid: 1 })), [1]);
    assert_eq!(allowed(&store(ItemKind::Stream)), [2]);
    assert_eq!(allowed(&store(ItemKind::Other)), [1, 2]);
    assert_eq!(allowed(&ToGuardian::HandOver), [2]);
    assert_eq!(allowed(&ToGuardian::List), [0]);
    let long = ToGuardian::Update { path: vec![b'/'; MAX_PATH + 1].into() };
    assert!(allowed(&long).is_empty());
}
