//! Other ways to say the same: what people say instead of the words that the rest of the planner reads.
//!
//! `get api v2 live in prod` is `deploy api v2 to prod`; `nginx should be restarted` is `restart nginx`. Names (quoted
//! text, paths, addresses, images, channels, words with a hyphen) are never reworded.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::phrases::pattern;

/// First characters of the stand-ins for names, by kind; all are of Unicode's private use.
const QUOTE: u32 = 0xE000;
const CHANNEL: u32 = 0xE800;
const NAME: u32 = 0xF000;
/// Names that are one word but for hyphens: `php-fpm`. They count as names, too.
const HYPHENATED: u32 = 0xF400;
const EACH: u32 = 0x400;

/// A verb and its past participle, for what is said in the passive voice.
const VERBS: [(&str, &str); 50] = [
    ("applied", "apply"),
    ("archived", "archive"),
    ("backed up", "back up"),
    ("bounced", "restart"),
    ("built", "build"),
    ("checked", "check"),
    ("cleared", "clear"),
    ("cleaned up", "clean up"),
    ("cleaned", "clean"),
    ("copied", "copy"),
    ("deleted", "delete"),
    ("deployed", "deploy"),
    ("downloaded", "download"),
    ("dumped", "dump"),
    ("emptied", "empty"),
    ("exported", "export"),
    ("installed", "install"),
    ("flushed", "flush"),
    ("linted", "lint"),
    ("migrated", "migrate"),
    ("moved", "move"),
    ("monitored", "monitor"),
    ("pinged", "ping"),
    ("probed", "probe"),
    ("pruned", "prune"),
    ("published", "publish"),
    ("pulled", "pull"),
    ("pushed", "push"),
    ("rebooted", "reboot"),
    ("released", "deploy"),
    ("removed", "remove"),
    ("replaced", "replace"),
    ("restarted", "restart"),
    ("restored", "restore"),
    ("rolled back", "roll back"),
    ("rolled out", "deploy"),
    ("rotated", "rotate"),
    ("saved", "save"),
    ("scaled", "scale"),
    ("scanned", "scan"),
    ("started", "start"),
    ("stopped", "stop"),
    ("synced", "sync"),
    ("tagged", "tag"),
    ("tested", "test"),
    ("updated", "update"),
    ("upgraded", "upgrade"),
    ("uploaded", "upload"),
    ("verified", "verify"),
    ("watched", "watch"),
];

/// A way to say something, and the plain one. The order matters: later rules read what earlier ones made.
static RULES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let rules = [
        // Courtesies and beginnings.
        (r"\b(?:could|can|would|will) you\s+(?:please\s+|kindly\s+)?", ""),
        (r"\b(?:i|we)(?:'d like| would like| want| need| have)\s+(?:you\s+)?to\s+", ""),
        (r"\b(?:please|kindly)\s+", ""),
        (r"\bgo ahead and\s+", ""),
        (r"\bboth\s+", ""),
        // Order.
        (r"\s*,?\s*(?:and\s+)?(?:followed by|and only then|after which|thereafter|subsequently)\b\s*,?", ", then "),
        (r"\b(before|after|once) you(?:'ve| have)?\s+", "$1 "),
        (r"\b(?:find out|confirm|ensure|see)\s+(if|whether|that)\b", "check $1"),
        (
            r"(^\s*|[;,.]\s*|\b(?:and|but)\s+)(?:if|when|should|in case)\s+(?:it|that|this|they|any of (?:it|them|that)|one of them|something|anything)\s+(?:should\s+)?(?:fails?|failed|goes? wrong|breaks?|does(?: not|n't) work)\b\s*,?\s*(?:then\s+)?",
            "${1}if it fails ",
        ),
        (
            r"(^\s*|[;,.]\s*|\b(?:and|but)\s+)in case of (?:a |an )?(?:failures?|problems?|trouble|errors?)\b\s*,?\s*",
            "${1}if it fails ",
        ),
        (r"\?\s+(warn|alert|notify|tell|if|then)\b", ", $1"),
        (
            r"\b(?:tell|show|give) me (how|what|which|where|whether)\b|\blet me know (how|what|which|where|whether)\b",
            "show $1$2",
        ),
        (r"\b(?:go|look|dig|comb) through\b|\b(?:have|take) a look (?:at|into)\b", "analyze"),
        (
            r"\b(run|test|check|build|back up|archive|dump|deploy|scan|lint|verify|delete|export|copy)\s+(the\s+[^,;]*?\s(?:in|of|at|from)\s+[\u{f000}-\u{f7ff}])\s+and\s+(the\s+[^,;]*?\s(?:in|of|at|from)\s+[\u{f000}-\u{f7ff}])",
            "$1 $2 and $1 $3",
        ),
        (r"\bput\s+(?:the|a)\s+tag\s+(\S+)\s+on\b", "tag $1 in"),
        (
            r"\bgive\s+((?:the\s+)?(?:secret|password|token|key)\s+[^,;]*?)\s+a\s+(?:new|fresh)\s+(?:random\s+)?(?:value|password|one)\b",
            "rotate $1",
        ),
        (
            r"\b(?:give|hand)\s+(it|them|[\u{f000}-\u{f7ff}])\s+(?:over\s+)?to\s+(?:the\s+)?user\b",
            "change the owner of $1 to",
        ),
        (r"\b(?:as well as|along with)\b", "and"),
        (
            r"\b(?:put|bring|get|take)\s+(?:the|its)\s+(previous|former|old|last)\s+(revision|version|release)\s+back\b",
            "roll back it to the $1 $2",
        ),
        (
            r"\bgo(?:ing)? back if (?:it|that) (?:doesn't|does not|won't) (?:come up|work|get ready|become ready)\b",
            "roll back if it fails",
        ),
        (r"\bhit\s+([\u{f000}-\u{f7ff}])", "check $1"),
        (r"\bcomes? back with\b", "return"),
        (
            r"\s+so\s+(?:please\s+)?(drain|cordon|restart|stop|start|scale|deploy|back up|clean|delete|run|check)\b",
            ", $1",
        ),
        (
            r"\b(?:make sure|ensure)(?:\s+that)?\s+(?:the\s+)?(packages?\s+[^;.]+?)\s+(?:is|are)\s+installed\b",
            "install $1",
        ),
        (
            r"(^|[,;.]\s+)(?:version\s+)?([\u{f000}-\u{f7ff}])\s+of\s+([^;.]+?)\s+(?:should|must|needs to|has to|have to|is to)\s+go\s+(?:live|out)\s+(?:in|on|onto|into|to)\b",
            "${1}deploy $2 of $3 to",
        ),
        (r"\ba minute and a half\b", "90 seconds"),
        (r"\ba day and a half\b", "36 hours"),
        (r"\b(?:hang|hold) on to\b|\bretain\b", "keep"),
        (r",?\s+(?:i\.e\.|that is,)\s+[^,;.]*", ""),
        (r"\bgive it\s+(\d+\s*(?:s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b)", "wait $1"),
        (
            r"(^|[,;.]\s+)(?:the\s+)?(\S[^;.]*?\S)\s+(?:all\s+|both\s+)?needs?\s+an?\s+(restart|reload|reboot|backup|rollback|upgrade)\b",
            "$1$3 $2",
        ),
        (
            r"\b(\w+)\s+(?:isn't|is not|aren't|are not)\s+(?:needed|necessary|required|wanted)\b(?:\s*,?\s*(?:so\s+)?skip\s+(?:it|them|that))?",
            "without $1",
        ),
        (r"\bput\s+version\s+(\S+)\s+of\s+(\S+)\s+(?:in|on|onto|into|to)\b", "deploy version $1 of $2 to"),
        (r"\bgo(?:ing)? back to the (?:old|previous|former|last) (?:one|version|release)\b", "roll back"),
        (
            r"\bif the (?:rollout|deployment|release) (?:doesn't|does not|won't) (?:come up|succeed|work|get ready|become ready)\s*,?",
            "if it fails,",
        ),
        (
            r"\bonly the (?:newest|latest|last|most recent) (\d+)\s+(?:\w+\s+)?(?:should|must|may|are to) (?:stay|remain|be kept|survive)\b",
            "keep $1",
        ),
        (r"\bbring\s+([^,;.]{1,60}?)\s+back\s+from\b", "restore $1 from"),
        (
            r"\b(?:make|let)\s+(?:everything (?:in|below|under) (?:there|it|them)|it all)\s+belong to\b",
            "change the owner of it recursively to",
        ),
        (r"\b(?:make|let)\s+(it|them|[\u{f000}-\u{f7ff}])\s+belong to\b", "change the owner of $1 to"),
        (
            r"\b(it|that directory|that folder|that file|[\u{f000}-\u{f7ff}])\s+(?:must|should|has to|is to)\s+be\s+(?:handed|given)\s+(?:over\s+)?to\s+(?:the\s+user\s+)?",
            "change the owner of it to ",
        ),
        (r"\b(?:we|i)\s+need\s+(an?\s+(?:new\s+)?(?:user|directory|folder|namespace))\b", "create $1"),
        (r",\s+(?:and\s+)?(an?\s+(?:new\s+)?(?:directory|folder)\s+[\u{f000}-\u{f7ff}])", ", create $1"),
        (r"\b(?:create|make)\s+((?:the|a|an)\s+(?:docker\s+|container\s+)?image\s+[\u{f000}-\u{f7ff}])", "build $1"),
        (r"\bupload\s+(it|them|the image|[\u{f000}-\u{f7ff}])\s+to\s+(?:the|our|a)\s+registry\b", "push $1"),
        (r"\bget\s+((?:the\s+)?packages?\s+[^;.]+?)\s+(?:onto|on|installed on)\s", "install $1 on "),
        // Deployments.
        (r"\b(roll|push|ship)\s+([\w\u{f000}-\u{f7ff}]+(?:\s+v?[\d.]+)?)\s+out\b", "deploy $2"),
        (
            r"\b(?:take|bring|put|go|switch|return|set)\s+(\S[^,;]{0,80}?)\s+back\s+to\s+(?:the|its)\s+(previous|former|last|old|prior)\b",
            "roll back $1 to the $2",
        ),
        (
            r"\b(?:the\s+)?(?:new\s+)?version\s+(\S+)\s+(?:should|must|needs to|has to|is to|can|shall)\s+go\s+(?:live|out)\s+(for|to|in|on)\b",
            "deploy $1 $2",
        ),
        (r"\bredeploy\b", "deploy"),
        (
            r"\bwait\s+(?:until|till|for)\s+(?:it|everything|they|them|all|the (?:rollout|deployment|pods?|app|application|service))\s*(?:to be|to become|to get|is|are|becomes?|has)?\s*(?:healthy|ready|up|available|done|completed?|finished|running|live)\b",
            "check that it is healthy",
        ),
        (
            r"\b(?:run|have|keep|use)\s+(\d+|two|three|four|five|six|seven|eight|nine|ten)\s+(?:copies|replicas|instances|pods)\s+of\s+((?:the\s+)?(?:deployment\s+|service\s+)?[\w\u{f000}-\u{f7ff}]+)",
            "scale $2 to $1 replicas",
        ),
        (r"\b(?:push|put|ship|send)\s+out\b", "deploy"),
        (
            r"\b(?:get|put|bring|take|push|move|make)\s+(\S.*?)\s+(?:live|up and running|running|out)\s+(?:in|on|onto|into|to)\b",
            "deploy $1 to",
        ),
        (
            r"\b(?:put|bring|move|promote|launch)\s+((?:the\s+)?[\w\u{f000}-\u{f7ff}]+(?:\s+version)?\s+(?:v\d\S*|[\u{f000}-\u{f7ff}]))\s+(?:in|on|onto|into|to)\b",
            "deploy $1 to",
        ),
        (r"\blaunch\s+(\S+\s+(?:version\s+)?(?:v\d\S*|[\u{f000}-\u{f7ff}]))", "deploy $1"),
        (
            r"\b(?:the\s+)?(?:new\s+)?version\s+(\S+)\s+of\s+(\S+)\s+(?:should|must|needs to|has to|is to)\s+(?:go|get|move)(?:\s+out)?\s+(?:in|on|onto|into|to)\b",
            "deploy $1 of $2 to",
        ),
        (
            r"\b(?:bump|update|set|change|point)\s+((?:the\s+)?(?:deployment\s+\S+|\S+\s+deployment))\s+to\s+(?:use\s+)?(?:the\s+)?(?:image\s+)?([\u{f000}-\u{f7ff}])",
            "deploy $2 for $1",
        ),
        (r"\bset\s+the\s+image\s+of\s+((?:the\s+)?deployment\s+\S+)\s+(.*?)\s*\bto\s+", "deploy $1 $2 with image "),
        (
            r"\b(?:bring|take|set|get|reduce|increase|raise|lower|resize|shrink|grow|bump)\s+(?:the\s+(?:number\s+of\s+)?)?(.+?)\s+(?:back\s+)?(?:up\s+|down\s+)?to\s+((?:\d+|zero|one|two|three|four|five|six|seven|eight|nine|ten)\s+(?:replicas?|pods|instances|copies))\b",
            "scale $1 to $2",
        ),
        // Services.
        (r"\b(?:bring|fire|start|spin)\s+up\b", "start"),
        (r"\b(?:turn|switch)\s+on\b", "start"),
        (r"\b(?:shut|bring|take)\s+down\b|\b(?:turn|switch)\s+off\b", "stop"),
        (r"\bis\s+([\u{f000}-\u{f7ff}])\s+(?:still\s+)?(?:up|online|alive|reachable)\b", "check that $1 is reachable"),
        (r"\bcan\s+(?:we|i|you|this host)\s+(?:still\s+)?(?:reach|connect to|get to)\b", "check connectivity to"),
        (r"\b(enough|free|much|more)\s+space\b", "$1 disk space"),
        (r"\bwarn(?:\s+me)?\s+(?:at|from|beyond)\s+(\d)", "warn above $1"),
        (r"\b(check|verify)(\s+that\s+[^;.]+?),?\s+and\s+that\b", "$1$2, $1 that"),
        (r"\bnpm ci\b", "npm install"),
        (r"\bcompile\b", "build"),
        // Backups and restores.
        (
            r"\b(?:make|create|take|store|keep|save|put|produce)\s+(?:a|an|one)\s+(?:(?:compressed|zipped|gzipped|full|fresh|quick)\s+)*(?:copy|tarball|archive|snapshot|backup)\s+of\b",
            "back up",
        ),
        (r"\b(?:compress|zip up|pack up|tar up)\b", "archive"),
        (
            r"\b(?:save|secure|safeguard)\s+((?:the\s+|our\s+|my\s+)?(?:\w+\s+)?(?:database|db|sqlite file)\b)",
            "back up $1",
        ),
        (
            r"\s+and\s+(?:put|store|save|place|drop|keep|leave)\s+(?:it|them|that|this|the (?:result|archive|copy|dump|backup|tarball))\s+(?:in|into|to|under|on|at)\b",
            " into",
        ),
        (r"\b(?:load|import|read back|play back)\s+((?:the\s+)?(?:\w+\s+)?(?:dump|backup)\b)", "restore $1"),
        (r"\b(?:recover|bring back|reinstate)\b", "restore"),
        // Data.
        (r"\b(?:dump|save|unload|extract)\s+((?:the\s+)?table\b)", "export $1"),
        (r"\b(?:transfer|ship|send)\s+([\u{f000}-\u{f7ff}]\s+(?:to|into|over to)\s+[\u{f000}-\u{f7ff}])", "copy $1"),
        (r"\b(?:empty|wipe|drop)\s+((?:the\s+)?(?:redis(?:\s+cache)?|cache)\b)", "clear $1"),
        (r"\b(?:wipe|erase|get rid of|throw away|throw out|toss)\b", "delete"),
        (
            r"\b(delete|remove|purge|clean up|prune)\s+(?:everything|anything|all|whatever is|all that is)\s+older\b",
            "$1 files older",
        ),
        (r"\bout of\s+([\u{f000}-\u{f7ff}])", "from $1"),
        // Messages.
        (
            r"\b(?:report|post|send|share|publish|put|announce)\s+(?:the\s+|its\s+|a\s+)?(?:results?|outcome|status|summary)\s+(?:in|to|into|on|at)\s+((?:the\s+)?(?:slack|[\u{e800}-\u{efff}]))",
            "notify $1",
        ),
        (r"\b(?:drop|leave|put)\s+(?:a|an)\s+(?:message|note|line)\s+(?:in|into|on|to)\b", "post a message to"),
        (r"\bgive\s+(\S+)\s+a\s+(?:heads[ -]up|shout|note)\b", "notify $1"),
        (
            r"\b(?:let me know|warn me|give me a shout)\s+(if|when|once)\s+((?:the\s+)?(?:disks?|memory|ram|load|cpu|certificate)\b)",
            "check $2 and warn $1 $2",
        ),
        (r"\bgive me\b", "show me"),
        // What is left out.
        (r"\b(?:but\s+|and\s+)(?:skip|omit|leave out|leave off|forgo)\b", "but without"),
        (r"\b(?:omit|leave out|leave off|forgo)\b", "skip"),
        // Spans and times.
        (r"\b(?:a\s+)?quarter of an hour\b", "15 minutes"),
        (r"\b(?:a\s+)?fortnight\b", "14 days"),
        (r"\ban hour and a half\b|\bone and a half hours\b", "90 minutes"),
        (r"\b(?:at\s+)?(?:12\s+)?midnight\b", "at 0:00"),
        (r"\b(?:at\s+)?(?:12\s+)?noon\b", "at 12:00"),
        (r"\b(\d{1,2}(?::\d{2})?)\s+(?:o'clock\s+)?in the (?:early\s+)?morning\b", "${1}am"),
        (r"\b(\d{1,2}(?::\d{2})?)\s+(?:o'clock\s+)?(?:in the (?:afternoon|evening)|at night)\b", "${1}pm"),
        (
            r"\b((?:every|each)\s+\w+|daily|nightly|weekly|(?:on\s+)?(?:weekdays|weekends))\s*,?\s+(\d{1,2}:\d{2}(?:\s*[ap]m)?|\d{1,2}\s*[ap]m)\b",
            "$1 at $2",
        ),
        (r"^\s*((?:weekdays|weekends|(?:mon|tues|wednes|thurs|fri|satur|sun)days)\b)", "on $1"),
        (r"\bon\s+((?:mon|tues|wednes|thurs|fri|satur|sun)day)\s+mornings?\b", "on ${1}s"),
        (
            r"\bon\s+((?:mon|tues|wednes|thurs|fri|satur|sun)day)\s+(?:evening|night)s?\s+at\s+(\d{1,2})\b",
            "on ${1}s at ${2}pm",
        ),
        (r"\bonce (?:a|an|per|every|each) hour\b", "every hour"),
        (r"\bonce (?:a|per|every|each) (day|night|week|month)\b", "every $1"),
        (r"\bevery (?:other|second) (hour|minute)\b", "every 2 ${1}s"),
    ];
    rules.into_iter().map(|(said, plain)| (pattern(&format!("(?i){said}")), plain)).collect()
});

/// Past participles of the table, as an alternative of a pattern.
fn participles() -> String {
    VERBS.map(|(form, _)| form).join("|")
}

/// A few words that are no border of a clause.
const WORDS: &str = r"(?:[^\s,;.]+\s+){1,6}?";
/// More words than most things have: `files under /data that are older than six weeks`.
const MANY_WORDS: &str = r"(?:[^\s,;.]+\s+){1,12}?";
const TEN_WORDS: &str = r"(?:[^\s,;.]+\s+){1,10}?";
/// `built`, `built and pushed`, `built, scanned and pushed`
static PARTICIPLE: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?i)\b(?:{})\b", participles())));

fn participle_list() -> String {
    let forms = participles();
    format!(r"((?:{forms})(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+)(?:then\s+)?(?:{forms}))*)\b")
}

/// As the rules, but not where the first group is one of these words.
static GUARDED: LazyLock<Vec<(Regex, &'static str, &'static [&'static str])>> = LazyLock::new(|| {
    const THINGS: &[&str] = &[
        "it",
        "this",
        "that",
        "everything",
        "they",
        "release",
        "chart",
        "rollout",
        "deployment",
        "changes",
        "migration",
        "migrations",
        "packages",
        "system",
        "os",
        "kernel",
        "image",
        "namespace",
        "step",
        "steps",
        "all",
        "host",
        "server",
        "the",
        "helm",
        "automatically",
        "again",
        "if",
        "when",
        "site",
        "website",
        "page",
        "machine",
        "cluster",
        "database",
        "pods",
        "pod",
        "app",
        "api",
    ];
    let rules: [(&str, &'static str, &'static [&'static str]); 3] = [
        (
            r"\b(?:make sure|ensure|check|verify)(?:\s+(?:that|if|whether))?\s+(?:the\s+)?([a-z]\w+|[\u{f400}-\u{f7ff}])(?:\s+service)?\s+(?:is|are)\s+(?:still\s+)?(?:up\s+and\s+running|running|active|started|up)\b",
            "check the status of the service $1",
            THINGS,
        ),
        (
            r"\b(?:roll ?back|revert|downgrade)\s+(?:the\s+)?([\w\u{f000}-\u{f7ff}]+)(?:\s+(?:service|app|application))?\s+(in|on|to\s+(?:the|its)\s+(?:previous|former|last))\b",
            "roll back the deployment $1 $2",
            THINGS,
        ),
        (
            r"\b(?:upgrade|update|bump|roll)\s+(?:the\s+)?([\w\u{f000}-\u{f7ff}]+)(?:\s+(?:service|app|application|deployment))?\s+(?:up\s+)?to\s+(?:version\s+)?([\u{f000}-\u{f7ff}]|\d+\b)",
            "deploy $1 $2",
            THINGS,
        ),
    ];
    rules.into_iter().map(|(said, plain, except)| (pattern(&format!("(?i){said}")), plain, except)).collect()
});

/// `nginx should be restarted after that`, `the image must be built and pushed`.
static PASSIVE: LazyLock<Regex> = LazyLock::new(|| {
    let must = "(?:should|must|shall|can|may|ought to|needs? to|ha(?:s|ve) to|is to|are to)";
    pattern(&format!(
        r"(?i)(^|[,;.]\s+|\b(?:then|and|but|first)\s+)((?:the\s+)?(?:services|deployments|images|databases|hosts|containers|files|directories|packages)\s+[^;.]{{1,200}}?\s|(?:[\w\u{{f000}}-\u{{f7ff}}]+\s*,\s*)+[\w\u{{f000}}-\u{{f7ff}}]+\s*,?\s+and\s+[\w\u{{f000}}-\u{{f7ff}}]+\s+|{MANY_WORDS}){must}(\s+not)?\s+(?:then\s+|first\s+)?be\s+(?:then\s+|first\s+)?{}([^;.]*)",
        participle_list()
    ))
});
/// `I want web deployed to prod`, `have the code tested and linted`.
static WANTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?i)(^|[,;.]\s+|\b(?:then|and|but|first)\s+)(?:(?:i|we)\s*)?(?:want|need|have|get|see|(?:'d|would) like)()\s+({TEN_WORDS})(?:to be\s+)?{}([^;.]*)",
        participle_list()
    ))
});
/// `as soon as /srv has been archived to /backups, …`: what has to have happened, as what is to be done.
static ONCE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?i)\b(once|as soon as|after|when)\s+({WORDS})(?:has|have|is|are|was|were)\s+(?:been\s+)?(?:successfully\s+)?{}\b([^,;.]*)",
        participle_list()
    ))
});
/// `scan and push the image`, `build, scan and push web:v1 from ./web`
static SHARED_OBJECT: LazyLock<Regex> = LazyLock::new(|| {
    let verbs = "build|scan|push|publish|deploy|tag|pull|stop|disable|enable|start";
    pattern(&format!(r"(?i)\b({verbs})((?:\s*,\s*(?:{verbs}))*)\s*,?\s+and\s+({verbs})\s+([^,;]+)"))
});
static HALF: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(one|two|three|four|five|six|seven|eight|nine|ten|\d{1,3})\s+and a half\s+(seconds|minutes|hours|days)\b",
    )
});

/// The same task in plain words.
pub(super) fn plain(task: &str) -> String {
    let Some((mut text, names)) = hide_names(task) else { return task.to_owned() };
    text = CLOCK.replace_all(&text, clock).into_owned();
    apply_rules(&mut text);
    let before = text.clone();
    text = with_and(&text);
    text = HALF.replace_all(&text, half).into_owned();
    text = ONCE.replace_all(&text, once).into_owned();
    text = PASSIVE
        .replace_all(&text, |found: &Captures<'_>| {
            let not = if found.get(3).is_some() { "don't " } else { "" };
            format!("{}{not}{}", &found[1], active(&found[2], &found[4], &found[5]))
        })
        .into_owned();
    text = WANTED
        .replace_all(&text, |found: &Captures<'_>| format!("{}{}", &found[1], active(&found[3], &found[4], &found[5])))
        .into_owned();
    for (said, plain, except) in GUARDED.iter() {
        let reworded = said.replace_all(&text, |found: &Captures<'_>| {
            let mut words = String::new();
            match except.contains(&found[1].to_lowercase().as_str()) {
                true => words.push_str(&found[0]),
                false => found.expand(plain, &mut words),
            }
            words
        });
        text = reworded.into_owned();
    }
    if text != before {
        apply_rules(&mut text);
    }
    text = SHARED_OBJECT.replace_all(&text, shared_object).into_owned();
    show_names(&text, &names)
}

fn apply_rules(text: &mut String) {
    for (said, plain) in RULES.iter() {
        if said.is_match(text) {
            *text = said.replace_all(text, *plain).into_owned();
        }
    }
}

/// `half past seven`, `a quarter to 8`, `at nine in the evening`
static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    let hours = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve";
    pattern(&format!(
        r"(?i)\b(?:at\s+)?(?:a\s+)?(half past|quarter past|quarter to)\s+({hours}|\d{{1,2}})\b|\bat\s+({hours})(\s*(?:$|[,;.]|am\b|pm\b|o'clock\b|in the\b|on\b|every\b|each\b))"
    ))
});

fn clock(found: &Captures<'_>) -> String {
    let hour = |group: usize| found.get(group).and_then(|hour| super::spoken::number(&hour.as_str().to_lowercase()));
    match (found.get(1).map(|words| words.as_str().to_lowercase()), hour(2), hour(3)) {
        (Some(words), Some(hour), _) if words == "quarter to" => format!("at {}:45", (hour + 23) % 24),
        (Some(words), Some(hour), _) => format!("at {hour}:{}", if words == "half past" { "30" } else { "15" }),
        (_, _, Some(hour)) => format!("at {hour}{}", found.get(4).map_or("", |rest| rest.as_str())),
        _ => found[0].to_owned(),
    }
}

static NAMES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"([\u{f000}-\u{f7ff}](?:\s*,\s*[\u{f000}-\u{f7ff}])*)\s*,\s*([\u{f000}-\u{f7ff}])(\s*,?\s+and\b)?")
});

/// `a.example.com, b.example.com` is a list, too.
fn with_and(text: &str) -> String {
    let list = |found: &Captures<'_>| match found.get(3) {
        Some(_) => found[0].to_owned(),
        None => format!("{} and {}", &found[1], &found[2]),
    };
    NAMES.replace_all(text, list).into_owned()
}

fn verb(participle: &str) -> &'static str {
    let lower = participle.to_lowercase();
    VERBS.iter().find(|(form, _)| *form == lower).map_or("run", |(_, verb)| verb)
}

/// `the image`, `built and pushed`, ` from ./web and scanned`: `build and push the image from ./web and scan it`.
fn active(object: &str, done: &str, rest: &str) -> String {
    let verbs = PARTICIPLE.replace_all(done, |found: &Captures<'_>| verb(&found[0]).to_owned());
    let rest = TRAILING.replace_all(rest, |found: &Captures<'_>| format!("{}{} it", &found[1], verb(&found[2])));
    format!("{verbs} {}{rest}", object.trim())
}

/// `… and pushed`, behind something in the passive voice.
static TRAILING: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(?i)((?:\s*,\s*(?:and\s+)?|\s+and\s+)(?:then\s+)?)({})\b", participles())));

fn once(found: &Captures<'_>) -> String {
    format!("{} {} is done", &found[1], active(&found[2], &found[3], &found[4]).trim_end())
}

fn half(found: &Captures<'_>) -> String {
    let whole = super::spoken::number(&found[1].to_lowercase()).unwrap_or(0);
    let (number, unit) = match found[2].to_lowercase().as_str() {
        "days" => (whole * 24 + 12, "hours"),
        "hours" => (whole * 60 + 30, "minutes"),
        "minutes" => (whole * 60 + 30, "seconds"),
        _ => (whole * 1_000 + 500, "milliseconds"),
    };
    format!("{number} {unit}")
}

/// Each verb gets the object: the first as it is written, the others as `it`. What one part of the planner does as a whole
/// (`build and push`) stays together.
fn shared_object(found: &Captures<'_>) -> String {
    let (first, last, object) = (&found[1], &found[3], found[4].trim_end());
    let between: Vec<&str> = found[2].split(',').map(str::trim).filter(|verb| !verb.is_empty()).collect();
    let one_thing = between.is_empty()
        && matches!(
            (first.to_lowercase().as_str(), last.to_lowercase().as_str()),
            ("build", "push" | "publish") | ("enable", "start") | ("stop", "disable") | ("start", "enable")
        );
    if one_thing {
        return found[0].to_owned();
    }
    let middle: String = between.iter().map(|verb| format!(", {verb} it")).collect();
    format!("{first} {object}{middle}, {last} it")
}

/// The text with a stand-in for each name, and the names. `None` when it can't be done: too many, or a text that has
/// such characters itself.
fn hide_names(task: &str) -> Option<(String, Vec<(char, String)>)> {
    if task.chars().any(|it| (QUOTE..HYPHENATED + EACH).contains(&u32::from(it))) {
        return None;
    }
    let mut names = Vec::new();
    let mut hidden = String::with_capacity(task.len());
    let mut hide = |kind: u32, name: &str| {
        let number = u32::try_from(names.len()).ok().filter(|number| *number < EACH)?;
        let stand_in = char::from_u32(kind + number)?;
        names.push((stand_in, name.to_owned()));
        Some(stand_in)
    };
    let blotted = super::sentence::hide_quotes(task);
    let mut at = 0;
    while at < task.len() {
        let rest = &task[at..];
        let mut characters = rest.chars();
        let first = characters.next()?;
        // What is blotted out stands in quotes, with its quotation marks.
        let is_quote = matches!(first, '"' | '`') && blotted[at..].starts_with('_');
        if is_quote && let Some(end) = rest[1..].find(first) {
            hidden.push(hide(QUOTE, &rest[..end + 2])?);
            at += end + 2;
            continue;
        }
        if first.is_whitespace() || matches!(first, '"' | '`' | '(' | ')' | ',' | ';') {
            hidden.push(first);
            at += first.len_utf8();
            continue;
        }
        let end = rest.find(|it: char| it.is_whitespace() || matches!(it, '"' | '`' | '(' | ')' | ',' | ';'));
        let word = &rest[..end.unwrap_or(rest.len())];
        let bare = word.trim_end_matches(['.', ':', '!', '?', '\'']);
        match kind_of(bare) {
            Some(kind) => {
                hidden.push(hide(kind, bare)?);
                hidden.push_str(&word[bare.len()..]);
            }
            None => hidden.push_str(word),
        }
        at += word.len();
    }
    Some((hidden, names))
}

fn kind_of(word: &str) -> Option<u32> {
    if word.starts_with('#') && word.len() > 1 {
        return Some(CHANNEL);
    }
    let inner = |it: char| matches!(it, '/' | '@' | ':' | '.' | '_' | '-' | '=' | '$' | '~' | '*');
    let is_time = word.starts_with(|it: char| it.is_ascii_digit())
        && word.chars().all(|it| it.is_ascii_digit() || it == ':' || it.is_ascii_alphabetic())
        && word.contains(':');
    let is_version = word.starts_with(['v', 'V']) && word[1..].starts_with(|it: char| it.is_ascii_digit());
    let is_word = word.contains('-') && word.chars().all(|it| it.is_ascii_alphanumeric() || it == '-');
    (word.contains(inner) && !is_time || is_version).then_some(if is_word { HYPHENATED } else { NAME })
}

fn show_names(text: &str, names: &[(char, String)]) -> String {
    let mut shown = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        match names.iter().find(|(stand_in, _)| *stand_in == character) {
            Some((_, name)) => shown.push_str(name),
            None => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_in_plain_words() {
        let check = |said: &str, plainly: &str| assert_eq!(plain(said), plainly, "{said}");
        check("Could you please restart nginx", "restart nginx");
        check("get api 2.4.1 live in production", "deploy api 2.4.1 to production");
        check("put checkout v9 into staging", "deploy checkout v9 to staging");
        check("push out payments v4.0.3 to staging", "deploy payments v4.0.3 to staging");
        check(
            "update deployment search to use ghcr.io/acme/search:3.1.0",
            "deploy ghcr.io/acme/search:3.1.0 for deployment search",
        );
        check("bring the web deployment up to 6 replicas", "scale web deployment to 6 replicas");
        check("make a tarball of /etc and put it in /mnt/nas", "back up /etc into /mnt/nas");
        check("nginx should be restarted", "restart nginx");
        check("build it; it must not be pushed", "build it; don't push it");
        check("I want web v2 deployed to prod", "deploy web v2 to prod");
        check(
            "restart redis as soon as /var/lib/redis has been archived to /backups",
            "restart redis as soon as archive /var/lib/redis to /backups is done",
        );
        check("build, scan and push acme/web:2 from ./web", "build acme/web:2 from ./web, scan it, push it");
        check("build and push web:2", "build and push web:2");
        check("the services a-b, varnish and c-d must be restarted", "restart the services a-b, varnish and c-d");
        check("chrony, rsyslog and cron all need a restart", "restart chrony, rsyslog and cron");
        check(
            "files under /data that are older than six weeks can be deleted",
            "delete files under /data that are older than six weeks",
        );
        check("test it, clippy isn't needed, so skip it", "test it, without clippy");
        check("every sunday, 4:30 am, back up /srv", "every sunday at 4:30 am, back up /srv");
        check("at quarter to seven in the morning on weekdays run it", "at 6:45am on weekdays run it");
        check("git, curl and jq have to be installed here", "install git, curl and jq here");
        check("the sqlite db /a.db should be saved into /b", "back up the sqlite db /a.db into /b");
        check("scan it, and only then push it", "scan it, then push it");
        check(
            "I'd like the pods of deployment a in namespace b restarted",
            "restart the pods of deployment a in namespace b",
        );
        check("v6.2 of a, b and c should go live in core", "deploy v6.2 of a, b and c to core");
        check("make sure the packages a, b & c are installed on this box", "install packages a, b & c on this box");
        check("test the code in /a and the docs in /b", "test the code in /a and test the docs in /b");
        check("have the code in ./api tested and linted", "test and lint the code in ./api");
        check("the image web:2 must be built from ./web and pushed", "build the image web:2 from ./web and push it");
        check("run `a`; should that fail, run `b`", "run `a`; if it fails run `b`");
        check("sleep two and a half minutes", "sleep 150 seconds");
        check("at half past 7 every day", "at 7:30 every day");
        check("post the result in #backups", "notify #backups");
        check("upgrade the frontend to v1.9", "deploy frontend v1.9");
        check("upgrade the release to v1.9", "upgrade the release to v1.9");
        check("reduce the workers to two replicas", "scale workers to two replicas");
        check("ping a.example.com, b.example.com", "ping a.example.com and b.example.com");
        check(
            "ping a.example.com, b.example.com and c.example.com",
            "ping a.example.com, b.example.com and c.example.com",
        );
    }

    #[test]
    fn names_stay_as_they_are() {
        for text in [
            "run `recover both please` in /srv/recover/out",
            "restart the service recover-api",
            "write \"could you please wipe it\" to /tmp/note.txt",
            "mail wipe@example.com about \u{e000} and recover",
            "an \"unclosed quote stays",
        ] {
            assert_eq!(plain(text), text);
        }
    }
}
