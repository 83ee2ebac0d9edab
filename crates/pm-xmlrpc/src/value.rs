//! What is said in calls and answers.

/// A value of XML-RPC.
#[derive(Clone, Debug, PartialEq)]
pub enum RpcValue {
    /// `<int>`, `<i4>`.
    Int(i32),
    /// `<boolean>`.
    Bool(bool),
    /// `<string>`, and what is read of `<double>`, `<dateTime.iso8601>` and `<base64>`.
    Text(String),
    /// `<array>`.
    List(Vec<RpcValue>),
    /// `<struct>`, in its order.
    Struct(Vec<(String, RpcValue)>),
}

impl RpcValue {
    /// A number; what is out of reach becomes the last one within (Supervisor's `capped_int`).
    pub fn capped(number: i64) -> Self {
        let number = number.clamp(i32::MIN.into(), i32::MAX.into());
        Self::Int(i32::try_from(number).unwrap_or_default())
    }

    /// A field of a struct.
    pub fn field(&self, name: &str) -> Option<&Self> {
        let Self::Struct(fields) = self else { return None };
        fields.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl From<&str> for RpcValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for RpcValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for RpcValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// Why a call does not do what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcFault {
    /// `faultCode`.
    pub code: i32,
    /// `faultString`.
    pub text: String,
}
