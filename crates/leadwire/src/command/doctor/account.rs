//! What SES lets the account of a stack do. A new one is in the sandbox, which no metric of the stack shows: the canary goes to SES's simulator,
//! and is mailed there too.

use super::{Check, Found, fail, failed, ok, warn};
use crate::home::stack::{find, parameter_of, receivers_of};
use anyhow::Context as _;
use leadwire_aws::Clients;
use leadwire_domain::notice::EmailAddress;

/// Whether mails can go out, and to whom.
pub(super) async fn check(name: &str) -> Vec<Check> {
    match look(name).await {
        Ok(checks) => checks,
        Err(error) => vec![("mail", failed(error))],
    }
}

async fn look(name: &str) -> anyhow::Result<Vec<Check>> {
    let (clients, stack) = find(name).await?;
    let account = clients.ses().get_account().send().await;
    let account = account.context("could not read SES's account")?;
    let is_sandbox = !account.production_access_enabled();
    let (daily, rate) = account.send_quota().map_or((0.0, 0.0), |quota| {
        (quota.max24_hour_send(), quota.max_send_rate())
    });
    let limits = format!("{daily:.0} mails a day, {rate:.0} a second, each receiver counts");
    let mail = match (account.sending_enabled(), is_sandbox) {
        (false, _) => fail("SES has paused sending of this account; the SES console says why"),
        (true, true) => warn(format!(
            "SES's sandbox: to verified addresses only, {limits}; ask for production access. A new account also \
             runs 10 functions at once: `aws lambda get-account-settings`"
        )),
        (true, false) => ok(limits),
    };
    let mut checks = vec![("mail", mail)];
    if let Some(sender) = parameter_of(&stack, "SesFromAddress") {
        checks.push(("sender", verified(&clients, &[sender]).await?));
    }
    if is_sandbox {
        let receivers = receivers_of(&stack);
        let receivers: Vec<String> = receivers
            .iter()
            .map(EmailAddress::expose)
            .map(str::to_owned)
            .collect();
        checks.push(("receivers", verified(&clients, &receivers).await?));
    }
    Ok(checks)
}

/// Whether SES knows each address, or a domain that it is in.
async fn verified(clients: &Clients, addresses: &[String]) -> anyhow::Result<Found> {
    let mut unknown = Vec::new();
    for address in addresses {
        if !is_verified(clients, address).await? {
            unknown.push(address.as_str());
        }
    }
    if unknown.is_empty() {
        return Ok(ok("verified"));
    }
    Ok(fail(format!(
        "not verified, so SES refuses it: {}; `aws sesv2 create-email-identity --email-identity ADDRESS`",
        unknown.join(", ")
    )))
}

async fn is_verified(clients: &Clients, address: &str) -> anyhow::Result<bool> {
    let domain = address.rsplit_once('@').map(|(_, domain)| domain);
    let domains = std::iter::successors(domain, parent);
    // Of a top-level domain nobody is the owner.
    let domains = domains.filter(|domain| domain.contains('.'));
    for identity in std::iter::once(address).chain(domains) {
        let request = clients.ses().get_email_identity().email_identity(identity);
        match request.send().await {
            Ok(found) if found.verified_for_sending_status() => return Ok(true),
            Ok(_) => {}
            Err(error) => match error.as_service_error() {
                Some(reason) if reason.is_not_found_exception() => {}
                Some(_) | None => return Err(error).context("could not read an identity of SES"),
            },
        }
    }
    Ok(false)
}

/// The domain that a domain is in.
fn parent<'a>(domain: &&'a str) -> Option<&'a str> {
    domain.split_once('.').map(|(_, parent)| parent)
}
