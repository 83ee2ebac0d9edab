//! What daemon and guardian say to each other, and what a guardian leaves to the next, under hostile input.

use std::hint::black_box;
use std::os::fd::RawFd;

use pm_fuzz::FuzzTarget;

use crate::codec::{ByteForm, FieldReader};
use crate::message::{FromGuardian, ToGuardian};
use crate::state::{self, GuardianState, STATE};

#[test]
fn fuzz_guardian_messages() {
    let mut samples = [Vec::new(), Vec::new()];
    ToGuardian::Update { path: b"/usr/bin/pm".as_slice().into() }.encode(&mut samples[0]);
    ToGuardian::Drop { tag: u64::MAX, slot: Some(3) }.encode(&mut samples[1]);
    let [one, two] = samples;
    FuzzTarget::new("guardian_messages").sample(one).sample(two).longest(512).run(|bytes| {
        let mut again = Vec::new();
        if let Ok(message) = ToGuardian::decode(bytes) {
            message.encode(&mut again);
            assert_eq!(again, bytes);
        }
        again.clear();
        if let Ok(message) = FromGuardian::decode(bytes) {
            message.encode(&mut again);
            assert_eq!(again, bytes);
        }
    });
}

#[test]
fn fuzz_guardian_states() {
    // Numbers only: descriptors of this process are not to be taken for what a state names.
    let digits = STATE.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
    let sample: Vec<u8> = digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect();
    FuzzTarget::new("guardian_states").sample(sample).run(|bytes| {
        black_box(GuardianState::<RawFd>::take(&mut FieldReader(bytes)));
        let Some(read) = state::decode_numbers(bytes) else { return };
        assert_eq!(state::encode(&read), bytes);
    });
}
