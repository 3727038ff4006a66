//! Regions of AWS whose addresses are known.

/// Names of the commercial regions begin so, and those of `GovCloud` and China.
const KNOWN: [&str; 10] = [
    "af-", "ap-", "ca-", "eu-", "il-", "me-", "mx-", "sa-", "us-", "cn-",
];
/// Partitions with networks, and roots, of their own.
const ISOLATED: [&str; 2] = ["us-iso", "eu-iso"];

/// The domain of AWS's endpoints in a region, where it is known. A region that came later may be in a partition with a domain and roots of its
/// own, as `eusc-de-east-1` is: of it nothing is assumed.
pub fn domain(region: &str) -> Option<&'static str> {
    let begins = |names: &[&str]| names.iter().any(|name| region.starts_with(name));
    if !begins(&KNOWN) || begins(&ISOLATED) {
        return None;
    }
    let is_china = region.starts_with("cn-");
    Some(if is_china {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_region_that_is_not_known_nothing_is_assumed() {
        for region in ["us-east-1", "eu-central-1", "us-gov-west-1", "mx-central-1"] {
            assert_eq!(domain(region), Some("amazonaws.com"), "{region}");
        }
        assert_eq!(domain("cn-north-1"), Some("amazonaws.com.cn"));
        for region in ["eusc-de-east-1", "us-iso-east-1", "eu-isoe-west-1", ""] {
            assert_eq!(domain(region), None, "{region}");
        }
    }
}
