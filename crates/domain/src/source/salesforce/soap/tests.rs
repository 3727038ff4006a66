use super::{Message, NotSoap, Record};
use crate::sample::verbatim;

const MESSAGE: &str = include_str!("../../../../fixtures/salesforce_outbound.xml");

fn message(notifications: &str) -> String {
    let (before, rest) = MESSAGE.split_once("<Notification>").unwrap();
    let (_, after) = rest.rsplit_once("</Notification>").unwrap();
    format!("{before}{notifications}{after}")
}

fn notification(fields: &str) -> String {
    format!(
        r#"<Notification><Id>04l1</Id><sObject xsi:type="sf:Lead" xmlns:sf="urn:x">{fields}</sObject></Notification>"#
    )
}

fn read(xml: &str) -> Result<Vec<String>, NotSoap> {
    Message::read(xml.as_bytes()).map(|message| message.notifications)
}

/// The fields of the one record, as JSON.
fn fields(text: &str) -> Result<Vec<(String, String)>, NotSoap> {
    let record = Record::read(text)?;
    let fields = record.fields.ok_or(NotSoap)?;
    Ok(verbatim(&fields).into_iter().collect())
}

#[track_caller]
fn check_fields(given: &str, expected: &[(&str, &str)]) {
    let own = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
    let expected: Vec<_> = expected.iter().map(own).collect();
    assert_eq!(fields(&notification(given)), Ok(expected), "{given}");
}

#[test]
fn a_message_holds_its_organization_its_action_and_each_notification_verbatim() {
    let read = Message::read(MESSAGE.as_bytes()).unwrap();
    assert_eq!(read.organization_id.as_deref(), Some("00D000000000001EAA"));
    assert_eq!(read.action_id.as_deref(), Some("04k000000000001AAA"));
    assert_eq!(read.notifications.len(), 2);
    for text in &read.notifications {
        assert!(MESSAGE.contains(text.as_str()), "{text}");
        assert!(text.starts_with("<Notification>") && text.ends_with("</Notification>"));
    }
    let [session] = &read.credentials[..] else {
        panic!("one credential");
    };
    let cut = MESSAGE.get(session.clone()).unwrap();
    assert!(
        cut.starts_with("<SessionId>") && cut.ends_with("</SessionId>"),
        "{cut}"
    );
}

#[test]
fn a_credential_is_found_in_any_form_and_after_a_byte_order_mark() {
    for session in [
        "<SessionId xsi:nil=\"true\"/>",
        "<SessionId><![CDATA[a</SessionId>b]]></SessionId>",
        "<x:SessionId xmlns:x=\"urn:x\">a</x:SessionId>",
        "<SessionId>a</SessionId><SessionId>b</SessionId>",
    ] {
        let xml = MESSAGE.replace(
            "<SessionId>00D000000000001!a.live.credential</SessionId>",
            session,
        );
        let xml = format!("\u{feff}{xml}");
        let read = Message::read(xml.as_bytes()).unwrap();
        let found: String = read
            .credentials
            .iter()
            .map(|range| xml.get(range.clone()).unwrap())
            .collect();
        assert_eq!(found, session);
    }
}

#[test]
fn a_record_has_its_type_and_its_fields_as_text() {
    let read = Message::read(MESSAGE.as_bytes()).unwrap();
    let record = Record::read(&read.notifications[0]).unwrap();
    assert_eq!(record.id.as_deref(), Some("04l000000000001AAA"));
    assert_eq!(record.object.as_deref(), Some("Lead"));
    let fields = record.fields.unwrap();
    for (name, value) in [
        ("Id", r#""00Q000000000001EAA""#),
        ("Company", r#""ACME & Söhne""#),
        ("Description", r#""Please call\nme back""#),
        ("Phone", "null"),
    ] {
        assert_eq!(fields.get(name).unwrap().get(), value);
    }
}

#[test]
fn text_is_what_xml_says_it_is_and_what_people_paste_is_taken() {
    check_fields(
        "<sf:A>a &amp;&lt;&#x41;&#66; </sf:A>",
        &[("A", r#""a &<AB ""#)],
    );
    check_fields(
        "<sf:A><![CDATA[<b> &amp;]]> c<!-- d --></sf:A>",
        &[("A", r#""<b> &amp; c""#)],
    );
    check_fields(
        "<sf:A>a\u{b}b&#x1;&#0;&#xd800;</sf:A>",
        &[("A", "\"a\\u000bb\\u0001\u{fffd}\u{fffd}\"")],
    );
    check_fields(
        "<sf:A/><sf:B xsi:nil=\"1\">b</sf:B>",
        &[("A", r#""""#), ("B", "null")],
    );
    check_fields(
        "<sf:A><sf:B>b</sf:B> <sf:C/></sf:A>",
        &[("A", r#"{"B":"b","C":""}"#)],
    );
}

#[test]
fn what_is_wrong_within_one_notification_is_wrong_there_alone() {
    let deep = "<sf:a>".repeat(100) + &"</sf:a>".repeat(100);
    for bad in [
        "<sf:A>&custom;</sf:A>",
        "<sf:A>1</sf:A><sf:A>2</sf:A>",
        "<sf:A><!DOCTYPE x></sf:A>",
        &deep,
    ] {
        let (bad, good) = (notification(bad), notification("<sf:A>a</sf:A>"));
        let notifications = read(&message(&format!("{bad}{good}"))).unwrap();
        assert_eq!(notifications, [bad.clone(), good.clone()]);
        assert_eq!(fields(&bad), Err(NotSoap), "{bad}");
        assert!(fields(&good).is_ok());
    }
}

#[test]
fn what_is_declared_around_a_notification_goes_with_it() {
    let around = r#"<notifications xmlns:own="urn:own" xmlns:q='a"b' xmlns="http://soap.sforce.com/2005/09/outbound">"#;
    let xml = message(r#"<Notification><Id>04l1</Id><sObject xsi:type="own:Lead"><own:A>a</own:A></sObject></Notification>"#)
        .replace(r#"<notifications xmlns="http://soap.sforce.com/2005/09/outbound">"#, around);
    let notifications = read(&xml).unwrap();
    let [only] = &notifications[..] else {
        panic!("one notification");
    };
    assert!(
        only.starts_with(r#"<notifications xmlns:own="urn:own" xmlns:q='a"b'><Notification>"#),
        "{only}"
    );
    let record = Record::read(only).unwrap();
    assert_eq!(record.object.as_deref(), Some("Lead"));
    assert_eq!(record.fields.unwrap().text("A").as_deref(), Some("a"));
}

#[test]
fn prefixes_are_only_names() {
    let xml = r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><a>b</a></s:Header><s:Body><o:notifications xmlns:o="http://soap.sforce.com/2005/09/outbound"><o:OrganizationId> 00D000000000001 </o:OrganizationId><Notification xmlns="urn:other"/><o:Notification><o:Id>1</o:Id></o:Notification></o:notifications></s:Body></s:Envelope>"#;
    let read = Message::read(xml.as_bytes()).unwrap();
    assert_eq!(read.organization_id.as_deref(), Some("00D000000000001"));
    assert_eq!(read.notifications.len(), 1);
    let record = Record::read(&read.notifications[0]).unwrap();
    assert_eq!(
        (record.id.as_deref(), record.fields.is_none()),
        (Some("1"), true)
    );
}

#[test]
fn what_is_no_outbound_message_is_none() {
    let dtd = MESSAGE.replace(
        "<soapenv:Envelope",
        "<!DOCTYPE a [<!ENTITY x \"y\">]><soapenv:Envelope",
    );
    let twice = MESSAGE.replace(
        "</OrganizationId>",
        "</OrganizationId><OrganizationId>b</OrganizationId>",
    );
    let second = MESSAGE.replace("</notifications>", "</notifications><notifications/>");
    let after = format!("{MESSAGE}<a/>");
    let other = MESSAGE.replace("2005/09/outbound", "2005/09/inbound");
    let cut = MESSAGE.get(..MESSAGE.len() - 30).unwrap();
    let crossed = MESSAGE.replace("</sf:Id>", "</sf:ID>");
    let bindings = message(&"<a xmlns:b='c'>".repeat(300));
    for xml in [
        "", "{}", "<a/>", &dtd, &twice, &second, &after, &other, cut, &crossed, &bindings,
    ] {
        assert_eq!(read(xml), Err(NotSoap), "{xml}");
    }
    assert!(Message::read(b"\xff\xfe<\0a\0").is_err());
    assert!(Message::read("<a>".repeat(300_000).as_bytes()).is_err());
}
