//! End entities outside, or near the end of, their validity period, or with too long a one.

use super::{BuildError, Family, Scenario, World};

pub const ALL: &[Scenario] = &[
    Scenario {
        id: "expired",
        family: Family::Expiry,
        summary: "expired two days ago",
        expected: &["end-entity-expired"],
        exit: 1,
        build: |world| valid(world, -47, -2),
    },
    Scenario {
        id: "not-yet-valid",
        family: Family::Expiry,
        summary: "valid from the day after tomorrow",
        expected: &["end-entity-not-yet-valid"],
        exit: 1,
        build: |world| valid(world, 2, 47),
    },
    Scenario {
        id: "expires-soon",
        family: Family::Expiry,
        summary: "valid for ten more days of 45",
        expected: &["end-entity-expires-soon"],
        exit: 0,
        build: |world| valid(world, -35, 10),
    },
    Scenario {
        id: "valid-too-long",
        family: Family::Expiry,
        summary: "issued yesterday for two years; public CAs may do that no longer",
        expected: &["validity-too-long"],
        exit: 1,
        build: |world| valid(world, -1, 729),
    },
];

fn valid(world: &mut World, from_day: i64, to_day: i64) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).valid(from_day, to_day).issue()?;
    world.serve(&site, &[&site, &intermediate])
}
