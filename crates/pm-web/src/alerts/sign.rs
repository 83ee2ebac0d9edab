//! HMAC-SHA256 (RFC 2104), as the channels want it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The code of a message under a key.
pub(crate) fn hmac(key: &str, message: &str) -> Vec<u8> {
    // A key may have any length.
    let Ok(mut code) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return Vec::new() };
    code.update(message.as_bytes());
    code.finalize().into_bytes().to_vec()
}

/// The same in Base64.
pub(crate) fn hmac_base64(key: &str, message: &str) -> String {
    STANDARD.encode(hmac(key, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::hex;

    #[test]
    fn codes_are_as_published() {
        // RFC 4231, cases 1, 2 and 6.
        let one = hmac(&"\u{b}".repeat(20), "Hi There");
        assert_eq!(hex(&one), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        let two = hmac("Jefe", "what do ya want for nothing?");
        assert_eq!(hex(&two), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        // GitHub's documentation of webhooks.
        let github = hmac("It's a Secret to Everybody", "Hello, World!");
        assert_eq!(
            hex(&github),
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
        // DingTalk's documentation (signature with an app's secret).
        let dingtalk = hmac_base64("testappSecret", "1546084445901");
        assert_eq!(dingtalk, "HCbG3xNE3vzhO+u7qCUL1jS5hsu2n5r2cFhnTrtyDAE=");
    }
}
