//! The wire under hostile input.

use pm_fuzz::FuzzTarget;

use crate::frame::{FrameError, Frames, encode};

#[test]
fn fuzz_wire_frames() {
    let target = FuzzTarget::new("wire_frames").samples_in("fixtures/wire").runs(1500);
    target.words("{\"call\":[ {\"reply\":[ {\"refused\":[ {\"news\":[ {\"hello\": null true").run(
        |bytes| {
            let (mut frames, mut seen) = (Frames::new(), 0);
            // In two parts: what is whole is told when it is.
            let (first, second) = bytes.split_at(bytes.len() / 2);
            for part in [first, second] {
                frames.push(part);
                loop {
                    let frame = match frames.next_frame() {
                        Ok(Some(frame)) => frame,
                        Err(FrameError::TooLong) | Ok(None) => break,
                        Err(FrameError::Malformed(_) | FrameError::UnknownCall { .. }) => continue,
                    };
                    seen += 1;
                    let written = encode(&frame).unwrap();
                    let mut again = Frames::new();
                    again.push(&written);
                    let again = again.next_frame().unwrap().expect("a frame as we write it");
                    assert_eq!(encode(&again).unwrap(), written);
                }
            }
            assert!(seen <= bytes.split(|byte| *byte == b'\n').count());
        },
    );
}
