//! Word lists of the lexicon, lower case, separated by blanks.

use super::lexicon::{
    AVERSE, BEFORE_YEAR, FILLER, FOREIGN, FOREIGN_NOT, FUNCTION, HEDGE, LESSENING, NEGATOR, NEGATOR_TO, PHRASE,
};

/// Lists of exact words with their flags.
pub const FLAGGED: &[(u16, &str)] = &[
    (
        FUNCTION,
        "a an the this that these those some any each every all both either another such same other others own \
         i me my mine myself we us our ours ourselves you your yours yourself he him his himself she her hers herself \
         it its itself they them their theirs themselves who whom whose which what where when why how there here \
         one's am is are was were be been being do does did doing done have has had having will would shall should \
         can could may might must ought need dare let's and or but nor so yet for if then else than as because since \
         although though while whereas unless until of in on at by to from with into onto upon about over under \
         between among through during within across along around behind beside beyond near off out toward towards \
         against per via like not no n't very too also just even still already only quite rather really most many \
         much few little lot lots several again ever always often sometimes usually generally typically however \
         therefore thus hence moreover furthermore meanwhile instead perhaps maybe please well now once it's i'm \
         he's she's that's there's what's who's here's you're we're they're i've you've we've they've i'd you'd he'd \
         she'd we'd they'd i'll you'll he'll she'll it'll we'll they'll etc ie eg vs mr mrs ms dr prof st jr sr \
         whether except despite amid including",
    ),
    (
        FOREIGN,
        "der die das und ist nicht ein eine einen einem einer eines mit auf für von zu dem den des sie ich wir \
         wird wurde sind haben auch nach bei aus sich im am zum zur es oder aber wie über unter werden kann \
         le la les une et est pas dans pour que qui sur avec il elle nous vous sont au aux du ce cette ont été mais \
         el los las una y que en por con para su se lo como más pero sus fue son está del \
         il della di che non per sono gli nel alla o os uma não com na em foi ao dos da \
         het een van niet voor met zijn dat och att det som är på inte av ett",
    ),
    (
        FOREIGN_NOT,
        "nicht kein keine keinen keinem keiner keines nie niemals nichts pas jamais rien aucun aucune non nunca jamas \
         nada ningun ninguna nao niet geen nooit inte",
    ),
    (
        NEGATOR,
        "not no never none nobody nothing nowhere neither nor without cannot hardly scarcely barely seldom rarely cant \
         dont doesnt didnt isnt arent wasnt werent wont wouldnt shouldnt couldnt hasnt havent hadnt lack lacks lacked \
         lacking absent nil",
    ),
    (
        NEGATOR_TO,
        "fail fails failed failing refuse refuses refused refusing decline declines declined unable unwilling \
         neglect neglects neglected forgot forget forgets",
    ),
    (
        HEDGE,
        "about around approximately roughly nearly almost approx circa ca some over under up least most than \
         estimated close near",
    ),
    (
        FILLER,
        "sure certainly absolutely definitely answer short summary brief course yes no yeah yep nope okay ok great \
         thanks hello hi sorry well indeed note actually right correct",
    ),
    (
        AVERSE,
        "avoid avoids avoided avoiding exclude excludes excluded excluding exclusion void voids voided exempt exempts \
         exempted ineligible refuse refuses refused refusing refusal reject rejects rejected rejecting rejection deny \
         denies denied denial ban bans banned forbid forbids forbidden prohibit prohibits prohibited prevent prevents \
         prevented block blocks blocked fail fails failed failing failure lack lacks unlikely impossible unable \
         discourage discouraged inadvisable cancelled canceled against only",
    ),
    (
        PHRASE,
        "left right least most call put per from gain gains gained gaining lose loses lost losing allow allows allowed \
         permit permits deny denies denied denying kaufen kaufe kauft comprar compre compra acheter achetez achat \
         verkaufen verkaufe verkauft vender venda venta vendre vendez vente",
    ),
    (
        LESSENING,
        "free invalid illegal unsafe wrong false late low poor bad worse difficult hard empty miss misses missing \
         missed unnecessary optional otherwise instead halt halts stop stops stopped expired unavailable stale \
         outdated obsolete old broken expensive weak slow small rare scarce dead down absent gone short insufficient \
         inadequate incomplete temporary little few less closed shut lost loses lose end ends ended unclear vague",
    ),
    (
        BEFORE_YEAR,
        "in since by from until till before after during of around circa year years early late mid to through",
    ),
];

/// Number words and dates: code of the first word as count and as date; following words count up.
pub const NUMBERED: &[(u8, u8, &str)] = &[
    (1, 0, "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"),
    (18, 0, "seventeen eighteen nineteen twenty"),
    (31, 0, "thirty"),
    (41, 0, "forty"),
    (41, 0, "fourty"),
    (51, 0, "fifty"),
    (61, 0, "sixty"),
    (71, 0, "seventy"),
    (81, 0, "eighty"),
    (91, 0, "ninety"),
    (101, 0, "hundred thousand million billion trillion dozen half"),
    (102, 0, "thousands millions billions trillions"),
    (101, 0, "hundreds"),
    (106, 0, "dozens"),
    (110, 0, "noon midnight"),
    (3, 0, "twice thrice"),
    (121, 0, "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth"),
    (135, 0, "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"),
    (150, 0, "thirtieth"),
    (0, 1, "january february march april may june july august september october november december"),
    (0, 1, "jan feb mar apr"),
    (0, 6, "jun jul aug sep oct nov dec"),
    (0, 9, "sept"),
    (0, 1, "januar februar marz april mai juni juli august september oktober november dezember"),
    (0, 1, "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre"),
    (0, 1, "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"),
    (0, 21, "monday tuesday wednesday thursday friday saturday sunday"),
    (0, 21, "mon tue wed thu fri"),
    (0, 22, "tues"),
    (0, 24, "thur"),
    (0, 24, "thurs"),
    (0, 31, "yesterday today tomorrow"),
];

/// The code after this one; 0, "none", stays.
pub const fn following(code: u8) -> u8 {
    if code == 0 { 0 } else { code + 1 }
}

/// Words that mean the same as the first of their line: irregular forms, nationalities, titles.
pub const SAME: &[&str] = &[
    "run ran",
    "eat ate eaten",
    "say said",
    "go went gone",
    "rise rose risen",
    "fall fell fallen",
    "grow grew grown",
    "buy bought",
    "sell sold",
    "win won",
    "lose lost",
    "make made",
    "take took taken",
    "give gave given",
    "see saw seen",
    "know knew known",
    "get got gotten",
    "find found",
    "think thought",
    "tell told",
    "become became",
    "leave left",
    "feel felt",
    "bring brought",
    "begin began begun",
    "keep kept",
    "hold held",
    "write wrote written",
    "stand stood",
    "hear heard",
    "mean meant",
    "meet met",
    "pay paid",
    "sit sat",
    "speak spoke spoken",
    "lead led",
    "drive drove driven",
    "build built",
    "send sent",
    "spend spent",
    "break broke broken",
    "wear wore worn",
    "fly flew flown",
    "draw drew drawn",
    "choose chose chosen",
    "throw threw thrown",
    "catch caught",
    "teach taught",
    "ride rode ridden",
    "sing sang sung",
    "swim swam swum",
    "drink drank drunk",
    "sleep slept",
    "fight fought",
    "forbid forbade forbidden",
    "shrink shrank shrunk",
    "man men",
    "woman women",
    "child children",
    "person people",
    "foot feet",
    "die died dying death",
    "kill killed",
    "succeed success successful successfully",
    "approve approval",
    "profit gain",
    "reject rejection",
    "deny denial denied denies",
    "lie lying",
    "allow permitted",
    "america american americans usa",
    "britain british briton britons uk",
    "france french",
    "germany german germans",
    "spain spanish",
    "italy italian italians",
    "china chinese",
    "japan japanese",
    "russia russian russians",
    "netherlands dutch",
    "greece greek greeks",
    "switzerland swiss",
    "denmark danish",
    "poland polish",
    "turkey turkish",
    "sweden swedish",
    "finland finnish",
    "wales welsh",
    "ireland irish",
    "scotland scottish",
    "europe european europeans",
    "israel israeli israelis",
    "iraq iraqi iraqis",
    "iran iranian iranians",
    "korea korean koreans",
    "india indian indians",
    "egypt egyptian",
    "syria syrian",
    "ukraine ukrainian",
    "brazil brazilian",
    "canada canadian",
    "mexico mexican",
    "australia australian",
    "norway norwegian",
    "portugal portuguese",
    "austria austrian",
    "belgium belgian",
    "hungary hungarian",
    "africa african",
    "asia asian",
    "pakistan pakistani",
    "afghanistan afghan",
    "algeria algerian",
    "cyprus cypriot",
    "vietnam vietnamese",
    "thailand thai",
    "peru peruvian",
    "chile chilean",
    "argentina argentine argentinian",
    "cuba cuban",
    "kurdistan kurdish kurd kurds",
    "palestine palestinian palestinians",
    "libya libyan",
    "lebanon lebanese",
];

/// Antonyms by axis: positive, negative, and the same of words that often mean something else.
pub const AXES: &[[&str; 4]] = &[
    [
        "increase rise grow growth climb soar surge upward rally strengthen",
        "decrease shrink plunge slump downward plummet dwindle weaken",
        "up gain expand jump higher improve raise",
        "down fall drop decline lower reduce worsen cut",
    ],
    ["buy purchase", "sell", "long acquire bullish", "short bearish"],
    ["safe safely harmless", "unsafe dangerous harmful hazardous poisonous toxic", "", "risky"],
    ["approve accept", "reject disapprove", "agree grant", "deny refuse decline disagree"],
    ["true truthful", "false untrue", "", ""],
    ["correct accurate", "incorrect inaccurate mistaken", "right", "wrong"],
    ["allow permit permissible", "forbid prohibit disallow ban", "let legalise", "block prevent"],
    ["enable enabled activate", "disable disabled deactivate", "", ""],
    ["profit profitable", "loss unprofitable", "surplus", "deficit"],
    ["above", "below", "", "beneath"],
    ["", "", "before earlier prior", "after later following"],
    ["", "", "more greater", "less fewer"],
    ["opened", "closed shut", "open", "close"],
    ["win winner victory", "lose loser defeat", "", ""],
    ["pass succeed", "failure unsuccessful unsuccessfully", "", "fail failed"],
    ["valid", "invalid", "", ""],
    ["possible feasible", "impossible infeasible", "able", "unable"],
    ["legal lawful", "illegal unlawful", "", ""],
    ["positive", "negative", "", ""],
    ["", "", "start", "stop halt"],
    ["include", "exclude", "", ""],
    ["recommend advisable", "inadvisable discourage", "encourage", ""],
    ["likely probable", "unlikely improbable", "", ""],
    ["guilty", "innocent acquit", "", ""],
    ["alive", "dead", "", ""],
    ["effective effectively", "ineffective", "", ""],
    ["necessary required need mandatory compulsory", "unnecessary optional", "", ""],
    ["maximum", "minimum", "", ""],
    ["support", "oppose", "", ""],
    ["available", "unavailable", "", ""],
    ["healthy", "unhealthy", "", ""],
    ["aware", "unaware", "", ""],
    ["happy pleased satisfied", "unhappy displeased dissatisfied", "", ""],
    ["reversible", "irreversible", "", ""],
    ["reliable", "unreliable", "", ""],
    ["import", "export", "", ""],
    ["inside", "outside", "", ""],
    ["north northern", "south southern", "", ""],
    ["east eastern", "west western", "", ""],
    ["hot warm", "cold cool", "", ""],
    ["male", "female", "", ""],
    ["deflation", "inflation", "", ""],
    ["synchronous", "asynchronous", "", ""],
    ["", "", "debit", "credit"],
    ["", "", "add", "remove delete"],
    ["", "", "high", "low"],
    ["", "", "fast faster quick quicker", "slow slower"],
];
