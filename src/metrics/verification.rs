//! Metrics of the last `tickline verify`, exported by the command itself as a file and by every dashboard.

use super::catalog;
use super::exposition::Exposition;
use super::frontier::put_time;
use crate::store::Verification;

/// Adds the result of a comparison.
pub fn put_verification(exposition: &mut Exposition, verification: &Verification) {
    put_time(exposition, &catalog::VERIFY_RAN, verification.ran_ms);
    put_time(exposition, &catalog::VERIFY_SUCCEEDED, verification.succeeded_ms);
    exposition.put(&catalog::VERIFY_OK, u64::from(verification.is_ok));
    put_time(exposition, &catalog::VERIFY_FROM, verification.from_ms);
    put_time(exposition, &catalog::VERIFY_UNTIL, verification.until_ms);
    exposition.put(&catalog::VERIFY_FRONTIERS, verification.frontiers);
    exposition.put(&catalog::VERIFY_ROWS, verification.rows);
    exposition.put(&catalog::VERIFY_MISSING, verification.missing_records);
}
