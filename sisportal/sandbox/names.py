"""Names of people, places and courses that the generated district is made of."""
# ruff: noqa: SIM905, RUF001  # long lists of names read better as text, and their letters are meant

FIRST = tuple(
    """Ava Liam Noah Emma Olivia Mia Sofía José Lucía Mateo Camila Diego Valentina Santiago Ximena Ángel Renée Zoë Chloé
    Anaïs François Élodie Jürgen Björn Søren Åsa Łukasz Zofia Agnieszka Jiří Željka Şeyma Emre Ayşe Nguyễn Thị Minh Linh
    Wei Jing Xiu Haruto Yui Sakura Min-jun Seo-yeon Ji-woo Priya Arjun Ananya Rohan Fatima Mohammed Ahmed Aaliyah Yusuf
    Amina Chinedu Ngozi Kwame Abena Thandiwe Sipho Malia Keanu Kailani Aiyana Dakota Jean-Luc Marie-Claire Mary-Kate D'Angelo
    Ja'Marcus Nevaeh Jayden Aiden Elijah Isaiah Ezekiel Miriam Rivka Chaim Leah Ivan Olga Dmitri Natalia Tariq Leila Omid
    Soraya Siobhán Niamh Oisín Eoin Rhys Cerys Angus Isla Grace Henry Jack Ella Nora Oscar Felix Ida Otto Clara Hugo Alma
    Caleb Ruth Samuel Hannah Daniel Grace Owen Lily Wyatt Hazel Levi Violet Asher Aurora Theo Luna Ezra Ivy Miles Maya""".split()
)
LAST = tuple(
    """Smith Johnson Williams Brown Jones García Rodríguez Martínez Hernández López González Pérez Sánchez Ramírez Núñez
    Peña Muñoz O'Neill O'Brien D'Souza N'Diaye McDonald MacLeod Smith-Jones Lopez-Rivera Saint-Pierre Nguyen Trần Phạm Lê
    Chen Wang Zhang Liu Kim Park Lee Tanaka Suzuki Yamamoto Patel Singh Kaur Sharma Gupta Khan Hussain Rahman Haddad Mansour
    Okafor Adeyemi Mensah Owusu Dlamini Nkosi Kealoha Kahale Begay Yazzie Müller Schröder Weiß Jørgensen Åkesson Nilsson
    Kowalski Wiśniewska Dvořák Novák Horvat Petrović Yıldız Öztürk Ivanov Petrova Shevchenko Cohen Levi Katz Rossi Ricci
    D'Amico Silva Santos Conceição Ferreira Dubois Lefèvre Côté Tremblay Murphy Kelly Walsh Evans Davies Campbell Stewart
    Taylor Anderson Thomas Jackson White Harris Martin Thompson Clark Lewis Robinson Walker Young Allen King Wright Scott
    Torres Hill Flores Green Adams Nelson Baker Hall Rivera Carter Mitchell Roberts Gomez Phillips Parker Edwards Collins
    Stewart Morris Rogers Reed Cook Morgan Bell Cooper Bailey Ward Cox Diaz Gray James Watson Brooks Sanders Price Bennett
    Wood Barnes Ross Henderson Coleman Jenkins Perry Powell Long Patterson Hughes Washington Butler Simmons Foster Bryant
    Alexander Russell Griffin Hayes Myers Ford Hamilton Graham Sullivan Wallace Woods Cole West Jordan Owens Reynolds Fisher
    Ellis Harrison Gibson Cruz Marshall Ortiz Wells Freeman Webb Tucker Guzmán Burns Crawford Henry Boyd Mason Morales""".split()
)
UNUSUAL = (
    ("محمد", "الأحمد"),
    ("נועה", "כהן"),
    ("小明", "王"),
    ("Zoë 🌻", "Núñez-O’Dell"),
    ("Юлия", "Щербакова"),
    ("ກິດ", "ພົມມະຈັນ"),
    ("Anne  Marie", "van der Berg "),
    ("X", "Æ"),
)
PLACES = tuple(
    """Pineapple Maple Riverside Lincoln Washington Jefferson Oakwood Cedar Lakeview Hillcrest Sunset Franklin Roosevelt
    Kennedy Madison Monroe Jackson Prairie Meadow Brookside Fairview Highland Valley Canyon Harbor Summit Willow Aspen
    Magnolia Juniper Sycamore Birchwood Eastside Westfield Northgate Southridge Garfield Grant Lafayette Cesar-Chavez
    Sojourner-Truth Rosa-Parks Harriet-Tubman Amelia-Earhart Maya-Angelou Frida-Kahlo Sacagawea Mandela""".split()
)
STREETS = (
    "Pineapple Street",
    "Old Beach Road",
    "5th Avenue",
    "Martin Luther King Jr. Blvd",
    "Calle Ocho",
    "Main Street",
)
CITIES = (
    ("Brooklyn", "NY", "11201"),
    ("Rockaway Beach", "NY", "11693"),
    ("Astoria", "NY", "11102"),
    ("Yonkers", "NY", "10701"),
)
LANGUAGES = (("Spanish", "spa"), ("Chinese", "zho"), ("Arabic", "ara"), ("Haitian", "hat"), ("Vietnamese", "vie"))
RACES = (
    "Caucasian", "Asian", "Black or African American", "American Indian",
    "Hawaiian or Other Pacific Islander", "Two or More Races", "Unknown", "",
)  # fmt: skip
GRADES = ("Kindergarten", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12")

ELEMENTARY = (
    ("Homeroom", "homeroom/advisory"),
    ("Reading and Writing", "english/language arts"),
    ("Mathematics", "math"),
    ("Science", "science"),
    ("Social Studies", "social studies"),
    ("Art, Music & Movement", "arts and music"),
    ("Library", "other"),
)
SECONDARY = (
    ("English", "english/language arts"),
    ("Mathematics", "math"),
    ("Science", "science"),
    ("History", "social studies"),
    ("Spanish", "language"),
    ("Physical Education", "PE and health"),
    ("Computing", "technology and engineering"),
)
ELECTIVES = (
    ("Français", "language"),
    ("Jazz Band", "arts and music"),
    ("Robotics", "technology and engineering"),
    ("AP® Statistics", "math"),
    ("Ceramics I/II", "arts and music"),
    ("Study Skills", "interventions/online learning"),
    ("Yearbook", "other"),
)
