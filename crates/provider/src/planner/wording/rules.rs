//! The table of other words: what is said, and what the rest of the planner reads instead. In patterns a name (a path, an
//! address, an image, a word with a hyphen) is one character from U+F000 to U+F7FF, a channel one from U+E800 to U+EBFF, and
//! quoted text one from U+E000 to U+E3FF.

use std::sync::LazyLock;

use regex::Regex;

use crate::planner::phrases::pattern;

/// A verb and its past participle, for what is said in the passive voice.
pub(super) const VERBS: [(&str, &str); 50] = [
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
pub(super) static RULES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
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

/// As the rules, but not where the first group is one of these words.
pub(super) static GUARDED: LazyLock<Vec<(Regex, &'static str, &'static [&'static str])>> = LazyLock::new(|| {
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
