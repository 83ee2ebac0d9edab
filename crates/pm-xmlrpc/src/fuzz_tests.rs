//! Calls and logins of Supervisor's clients under hostile input.

use pm_fuzz::FuzzTarget;

use crate::answer::written;
use crate::call::RpcCall;
use crate::login::RpcLogin;
use crate::value::RpcValue;

const WORDS: &str = "<methodCall> </methodCall> <methodName> </methodName> <params> <param> <value> </value> <int> </int> <i4> \
    <struct> <member> <name> </name> </member> </struct> <array><data> </data></array> <base64> <!DOCTYPE <!ENTITY <![CDATA[ ]]> \
    <?xml &amp; &#0; &#x110000; xmlns= <nil/>";

#[test]
fn fuzz_xmlrpc_calls() {
    let call = "<?xml version='1.0'?>\n<methodCall>\n<methodName>system.multicall</methodName>\n<params>\n<param>\n\
        <value><array><data>\n<value><struct>\n<member>\n<name>methodName</name>\n\
        <value><string>supervisor.tailProcessStdoutLog</string></value>\n</member>\n<member>\n<name>params</name>\n\
        <value><array><data>\n<value>web</value>\n<value><int>-7</int></value>\n<value><boolean>1</boolean></value>\n\
        <value><base64>\naGk=\n</base64></value>\n</data></array></value>\n</member>\n</struct></value>\n\
        </data></array></value>\n</param>\n</params>\n</methodCall>\n";
    let target = FuzzTarget::new("xmlrpc_calls").sample(call).words(WORDS).memory(256, 1 << 20);
    target.run(|bytes| {
        let Some(call) = RpcCall::parse(&String::from_utf8_lossy(bytes)) else { return };
        let answer = written(&Ok(RpcValue::List(call.params)));
        let again = answer
            .replace("<methodResponse>", "<methodCall><methodName>x</methodName>")
            .replace("</methodResponse>", "</methodCall>");
        // What we write of 32 values within each other is deeper than what we read.
        if let Some(mut again) = RpcCall::parse(&again) {
            assert_eq!(written(&Ok(again.params.remove(0))), answer);
        }
    });
}

#[test]
fn fuzz_xmlrpc_logins() {
    let login = RpcLogin::new("ann", "{SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d");
    let good = "Basic YW5uOnRoZXBhc3N3b3Jk";
    assert!(login.admits(Some(good.as_bytes())));
    FuzzTarget::new("xmlrpc_logins").sample(good).words("Basic YW5u Og==").run(|bytes| {
        let admitted = login.admits(Some(bytes));
        let said = bytes.get(6..).unwrap_or_default().trim_ascii();
        assert!(!admitted || said == &good.as_bytes()[6..], "another password opens");
    });
}
