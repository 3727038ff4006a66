//! A GET by which a sender finds out whether the address is whose it should be: answered where the source declares one.

use super::refusal::Refusal;
use super::{Answer, Ingest, Request, within};
use crate::observe::ChallengeAnswered;
use crate::port::{Home, SecretStore};
use leadwire_domain::problem::Problem;
use leadwire_domain::source::{Source, SourceName, Unverified};
use tokio::time::Instant;

/// The source, and the value that it is to be answered with; no value where it declares no challenge.
type Challenged = (Source, Option<Result<String, Unverified>>);

impl<H: Home, S: SecretStore> Ingest<H, S> {
    /// The answer to a GET. Where nothing is declared it is the one to any other method, whether there is such a source or not.
    pub(super) async fn challenged(
        &self,
        name: SourceName,
        request: &Request<'_>,
        deadline: Instant,
    ) -> Answer {
        let found = within(deadline, self.challenge(name, request)).await;
        let (source, answer) = match found {
            Ok(Some((source, answer))) => (Some(source), answer),
            Ok(None) => (None, None),
            Err(refusal) => return refusal.answer(self.known(name)),
        };
        let answer = match answer {
            Some(Ok(value)) => {
                ChallengeAnswered { source }.emit();
                Answer::text(value)
            }
            Some(Err(why)) => Refusal::from(why).answer(source),
            None => Refusal::from(Problem::MethodNotAllowed).answer(source),
        };
        Answer { source, ..answer }
    }

    /// A challenge that is not declared, or not answered, may be newer than what is known: that is fetched again, once.
    async fn challenge(
        &self,
        name: SourceName,
        request: &Request<'_>,
    ) -> Result<Option<Challenged>, Refusal> {
        let Some(secrets) = self.secrets_of(name) else {
            return Ok(None);
        };
        let (now, delivery) = (request.received_at, request.delivery());
        let sources = secrets.current(now).await?;
        let ask = |sources: &leadwire_domain::source::Sources| {
            let config = sources.get(name)?;
            Some((config.source(), config.challenge(&delivery)))
        };
        let found = ask(&sources);
        if matches!(found, Some((_, Some(Ok(_))))) || request.query.is_empty() {
            return Ok(found);
        }
        let fresh = secrets.refreshed(now, &sources).await;
        Ok(fresh.map_or(found, |fresh| ask(&fresh)))
    }
}
