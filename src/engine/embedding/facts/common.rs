//! Everyday English words, whose capital letter at the start of a sentence or in a headline does not make a name.

/// Everyday words, base forms; inflected forms follow from the stem.
pub const COMMON: &[&str] = &[
    "able ability accept accident according account accuse achieve act action active activity actual add address \
     administration admit adult advance advice affair affect afford afraid age agency agent agree agreement aid \
     aim air aircraft airline airport alarm allow almost alone alter alternative amount analyst analysis ancient \
     anger angry animal announce annual answer anyone anything anyway apart apparent appeal appear application \
     apply appoint approach appropriate approve area argue argument arm army arrest arrive art article artist ask \
     assault assess asset assist associate assume attack attempt attend attention attitude author authority \
     available average avoid award aware baby back background bad bag balance ball ban band bank bar base basic \
     basis bath bathroom battle beach bear beat beautiful bed begin behaviour behavior belief believe belong \
     benefit best bet better big bike bill bird birth bit black blame block blood blow blue board boat body bomb \
     bombing bond book border boss bottle bottom bowl box boy branch break bridge brief bring broad brother brown \
     budget build building burn bus business busy buy cabinet call calm camp campaign cancer candidate capital \
     captain car card care career careful carry case cash cat catch cause cell central century certain chain \
     chair chairman challenge chance change channel chapter character charge chart cheap check chef chemical \
     chicken chief child choice choose church cite citizen city civil claim clash class clean clear click client \
     climate climb clinic close cloth club coach coalition coast coat code coffee collapse collect college color \
     colour column come comment commission commit committee common community company compare competition complete \
     computer concern concert conclude condition conference confirm conflict congress connect consider contact \
     contain content contest continue contract control conversation convert cook cool copy corner coroner correct \
     cost council count country county couple course court cover cow crash create crew crime criminal crisis \
     critic critical criticize cross crowd cry cucumber culture cup current customer cut cycle daily damage dance \
     danger dark data database date daughter day dead deadly deal death debate debt decade decide decision \
     declare deep default defeat defence defend defense define degree delay deliver demand democracy department \
     depend deposit describe desert design despite destroy detail develop development device die diet difference \
     different difficult dinner direct director disaster discover discuss disease display dispute distance \
     district divide doctor document dog door double doubt down dozen draft draw dream dress drink drive drop \
     drug dry due earn earth earthquake ease easy eat economic economy edge editor education effect effort elect \
     election electric element email emergency employ employee empty end enemy energy enjoy enough enter entire \
     environment equal error escape especially establish estimate event everyone everything evidence evil exact \
     example exchange execute executive exercise exist exit expect expert explain explode explosion explosive \
     express extra extreme extremist eye face fact factor fail fair fall false family famous fan far farm fast \
     fat father fear federal fee feed feel female fiber field fight figure file fill film final finance financial \
     find fine finger finish fire firm fish fit fix flag flat flight flood floor flow flower fly focus follow \
     food foot football force foreign forest forget form formal former forward free freedom freeze french fresh \
     friend front fruit fuel full fun function fund funeral future gain game garden gas gather gay general \
     generation get girl give glass global go goal god gold good government governor grand grass grave great \
     green ground group grow growth guard guess guide guilty guitar gun guy hair half hall hand hang happen happy \
     hard hat hate head headline health hear heart heat heavy height help helpful high hill history hit hold hole \
     holiday home honor hope horse hospital host hostage hot hotel hour house huge human hundred hurt husband ice \
     idea identify image imagine impact important impose improve include income increase independent index \
     individual industry inflation influence inform information initial injure injury inside install insurance \
     intelligence interest international internet interview introduce invest investigate investigation investment \
     investor invite involve island issue item jail job join joint joke journalist judge jump jury justice keep \
     key kid kill kind king kitchen knee know lack lady lake land language large last late laugh launch law \
     lawyer lay lead leader league learn least leave leg legal lend lesson letter level liberal library lie life \
     lift light limit line link list listen live load loan local lock long look loss love low loyalist luck \
     machine magazine mail main maintain major make male man manage management manager mark market marriage marry \
     master match material matter meal mean measure media medical medicine meet member memory mention message \
     metal method middle midnight mile militant military milk mind minister ministry minor minute miss missile \
     mission mistake mix model modern moment money monitor month mood moon morning mother motor mountain mouth \
     move movement movie murder museum music musician name nation national native nature near necessary neck need \
     neighbor neighbour network new news newspaper next nice night noise none noon normal north note notice \
     nuclear number nurse object observe obtain obvious occur ocean offer office officer official often oil old \
     one online open opera operate operation opinion opportunity opposition option order organization organize \
     origin original output outside own owner pack package page pain paint pair panel paper parent park \
     parliament part particular partner party pass past patient pattern pay peace peak people perfect perform \
     period permit person phone photo phrase pick picture piece pilot pipe pipeline place plan plane planet plant \
     plate play player plead please plot plus pocket point poison police policy political politician politics \
     poll pool poor pope popular population port position possible post potato potential power practical practice \
     prepare presence present preserve president press pressure pretty prevent previous price primary prime \
     prince princess principle print prison private prize probably problem process produce product production \
     professor profit program programme progress project promise promote proof proper property propose prosecutor \
     protect protest protester prove provide public publish pull purchase purpose push put quality quarter queen \
     query question quick quiet quit race radio rail rain raid raise range rank rapid rare rate raw reach react \
     read ready real reason rebel receive recent recession recommend record recover red reduce refer reform \
     refuse regard region regular regulator reject relate relation release relief religion remain remember remove \
     rent repair replace reply report represent republic request require rescue research resign resolve respect \
     respond response rest restaurant result return reveal review revolution rich ride right ring rise risk rival \
     river road rock role roll room root rope round route row royal rule run rural rush sad safe safety sail \
     salary sale sample sanction save say scale scandal scene schedule scheme school science scientist score \
     screen sea search season seat secret section sector secure security see seek seem seize sell senate senator \
     send sense sentence separate series serious serve server service session set settle shake shape share sharp \
     shift ship shirt shoe shoot shop shore short shot shoulder shout show shut sick side sign signal significant \
     silver similar simple sing singer single sister sit site situation size skill skin sky sleep slice slip slow \
     small smart smile smoke snow social soft software soldier solid solution solve somebody someone something \
     son song soon sort soul sound source south space speak special specific speech speed spend split spokesman \
     spokeswoman spokesperson sport spot spread spring square stable staff stage stand standard star start state \
     statement station statue status stay steal steel step stick stock stone stop store storm story strange \
     strategic strategy stream street strength stress strike string strong structure struggle student study stuff \
     style subject submit succeed success sudden suffer suggest suicide suit summary summer summit sun supply \
     support suppose supreme sure surface surgery surprise surround survey survive suspect suspend sweet swim \
     swing switch system table take talk tall target task tax tea teach teacher team tear technical technology \
     teenager telephone television tell temperature temporary tend tense tension term terminal terror terrorism \
     terrorist test text thank theory thing think threat threaten throw ticket tie tight time tiny tip tire title \
     today together token tomorrow tonight tool top topic total touch tough tour toward tower town track trade \
     trader trading tradition traffic train transaction transfer transport travel treat treatment tree trend \
     trial trip troop trouble truck true trust truth try turn type unclear understand union unique unit unite \
     university unusual upper urban urge use user usual value van variety various vehicle version veto victim \
     victory video view village violate violence violation visit voice volleyball vote wage wait walk wall want \
     war warn warning warrant wash waste watch water wave way wealth weapon wear weather web website wedding week \
     weekend weekly weigh weight welcome west wheel white whole wide wife wild win wind window winter wire wish \
     withdraw witness woman wonder wood word work worker world worry worse worst worth wound write wrong yard \
     year yesterday yield young youth zone",
    "overview introduction conclusion key takeaway consider using based depending additionally finally firstly \
     secondly lastly first second third next then step steps tip tips caution pro con pros cons symptom dosage \
     dose tablet allergy column row join index select update insert delete transaction refund shipment invoice \
     subscription forecast cloudy sunny rainy humidity shower thunderstorm empire treaty revolution emperor \
     assassination vs versus amid unknown ahead accord accuse ally ambassador bid blast boost bust clash \
     crackdown cyclone death deadlock dead defy envoy eye feared freed hail halt homage inmate injured jailed \
     kidnap loom mall mull oust outbreak plea pledge plunge poised probe quake quash recall revive rule seize \
     slam slay spark spur stun surge toll topple tribute tumble typhoon unrest unveil vow wed wildfire woe unexpected",
];
