//! `CertVerifyProc::HasTooLongValidity`.

use crate::model::time::DAY;
use crate::x509::Certificate;

/// `HasTooLongValidity`: the limits of the Baseline Requirements §6.3.2 by the day of issue.
pub(super) fn is_valid_too_long(certificate: &Certificate) -> bool {
    /// First day (2012-07-01, 2015-04-01, 2018-03-01, 2020-09-01, 2026-03-15, 2027-03-15, 2029-03-15) and days allowed:
    /// 60 and 39 months with every leap day, then days.
    const LIMITS: &[(i64, i64)] = &[
        (1_341_100_800, 3 * 365 + 2 * 366),
        (1_427_846_400, 366 + 2 * 365 + 31 + 31 + 30),
        (1_519_862_400, 825),
        (1_598_918_400, 398),
        (1_773_532_800, 200),
        (1_805_068_800, 100),
        (1_868_227_200, 47),
    ];
    /// Before: ten years, and not beyond 2019-07-01.
    const OLD_DAYS: i64 = 8 * 365 + 2 * 366;
    const OLD_END: i64 = 1_561_939_200;
    let lifetime = certificate.not_after.since(certificate.not_before);
    let issued = certificate.not_before.unix();
    let limit = LIMITS.iter().rev().find(|(first, _)| issued >= *first);
    lifetime < 0
        || match limit {
            Some((_, days)) => lifetime > days * DAY,
            None => lifetime > OLD_DAYS * DAY || certificate.not_after.unix() > OLD_END,
        }
}
