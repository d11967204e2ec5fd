//! The guides, as the repository has them in `src/guide`, `infra` and `tests/bench`.
//!
//! A guide links to others by labels, `[checks]`, and defines them at its end as paths for a reader of the
//! repository. Here they are defined before that as modules: the first definition of a label counts.

macro_rules! guides {
    ($($name:ident $file:literal)*) => {
        $(
            #[doc = "[api]: api"]
            #[doc = "[benchmarks]: benchmarks"]
            #[doc = "[checks]: checks"]
            #[doc = "[columns]: table#columns-of-an-import"]
            #[doc = "[connection]: connection"]
            #[doc = "[deployment]: deployment"]
            #[doc = "[guarantees]: guarantees"]
            #[doc = "[keys]: deployment#keys"]
            #[doc = "[notification]: notifications"]
            #[doc = "[notifications]: notifications"]
            #[doc = "[operations]: operations"]
            #[doc = "[page]: operations#the-status-page"]
            #[doc = "[reasons]: operations#reasons"]
            #[doc = "[settings]: settings"]
            #[doc = "[table]: table"]
            #[doc = "[unverified]: unverified"]
            #[doc = "[update]: deployment#what-an-update-interrupts"]
            #[doc = ""]
            #[doc = include_str!($file)]
            pub mod $name {}
        )*
    };
}

guides! {
    api "guide/api.md"
    benchmarks "../tests/bench/README.md"
    checks "guide/checks.md"
    commands "guide/commands.md"
    connection "guide/connection.md"
    deployment "../infra/README.md"
    guarantees "guide/guarantees.md"
    moving "guide/moving.md"
    notifications "guide/notifications.md"
    operations "guide/operations.md"
    settings "guide/settings.md"
    table "guide/table.md"
    unverified "guide/unverified.md"
}
