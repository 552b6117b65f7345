"""Short forms of first names that are common enough in schools to count as the same name."""

_FORMS = """
abigail abby abbie gail
abraham abe bram
adelaide addie
albert al bert bertie
alejandro alex ale sandro
alejandra alex ale sandra
alexander alex al alec xander sandy sasha
alexandra alex lexi alexa sandra sandy sasha
alfred al fred alf alfie
allison alli ally allie
amanda mandy
andrew andy drew
angela angie
anthony tony
antonio tony tono
arthur art artie
barbara barb barbie babs
beatrice bea trixie
benjamin ben benny benji
bradley brad
cassandra cassie
catherine katherine kathryn cathy kathy kate katie cat kat kitty kay
charles charlie chuck chaz
christina chris tina christy
christine chris tina chrissy
christopher chris kit topher
cynthia cindy
daniel dan danny
deborah debra deb debbie
dolores lola
donald don donny
dorothy dot dottie dolly
douglas doug
edward ed eddie ted teddy ned
eduardo edu lalo
eleanor ellie nell nora
elizabeth beth liz lizzie betty eliza betsy libby ellie
emily em emmy
eugene gene
ezekiel zeke
florence flo
frances fran franny
francisco paco pancho cisco
francis frank fran
franklin frank
frederick fred freddy
gabriel gabe
gabriela gabi gaby
gerald gerry jerry
gregory greg
guadalupe lupe lupita
gwendolyn gwen
harold harry hal
henry harry hank
ignacio nacho
isabella bella izzy isa
isabel bella izzy isa
jacob jake
jacqueline jackie
james jim jimmy jamie
janet jan
jeffrey jeff
jennifer jen jenny
jeremy jerry
jessica jess jessie
jesus chuy
jonathan jon jonny
john jon johnny jack
joseph joe joey
jose pepe
josephine jo josie
joshua josh
judith judy
katarina kat katya
kenneth ken kenny
kimberly kim kimmy
lawrence laurence larry
leonard leo len lenny
leonardo leo
lillian lily lil
lucas luke
madeline maddie
margaret maggie meg peggy margie greta rita
maria mari
martha marty
martin marty
matthew matt
maximilian max
melissa missy mel
melanie mel
michael mike mikey mick
miguel mike
mitchell mitch
nancy nan
nathan nate
nathaniel nate nat nathan
nicholas nick nicky
nicole nicky nikki
olivia liv livvy
oliver ollie
pamela pam
patricia pat patty trish tricia
patrick pat paddy
peter pete
philip phillip phil
rachel rae
raymond ray
rebecca becca becky
richard rick ricky dick rich richie
robert rob bob bobby robbie
roberto beto
ronald ron ronnie
rosario charo
russell russ
samantha sam sammy
samuel sam sammy
sara sarah sally
sebastian seb bas
sophia sofia sophie
stanley stan
stephanie steph
stephen steven steve
susan sue susie suzie
tamara tammy
terrence terry
theodore ted teddy theo
theresa teresa terry tess
thomas tom tommy
timothy tim timmy
tobias toby
valerie val
victor vic
victoria vicky tori
vincent vince vinny
virginia ginny
walter walt wally
wesley wes
william will bill billy willie liam
zachary zach zack
"""


def _groups() -> dict[str, frozenset[str]]:
    groups: dict[str, set[str]] = {}
    for line in _FORMS.split("\n"):
        formal, *_ = [*line.split(), ""]
        for form in line.split():
            groups.setdefault(form, set()).add(formal)
    return {form: frozenset(formals) for form, formals in groups.items()}


GROUPS = _groups()
"""Name -> the formal names it can stand for; two names agree where these overlap (Jack and Johnny, not Jack and Jim)."""
