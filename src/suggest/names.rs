//! The names of columns in HR exports, in the most common languages and systems, and how a name is written in
//! the letters that the service accepts.
//!
//! Names are compared by their letters and digits only, without case and accents: see [`key`].

/// A field and the names of its column, the most likely first. A name that may also mean something else ends
/// with `?`.
type Named = (&'static str, &'static str);

/// Viva's own fields with their names in the reports of HR systems, and in English, German, French, Spanish,
/// Dutch and Japanese.
pub(super) const FIELDS: [Named; 13] = [
    (
        "PersonId",
        "workemail primaryworkemail emailprimarywork emailwork employeeemail employeeworkemail \
         employeeemailaddress workeremail associateemail businessemail businessemailaddress \
         workemailaddress emailaddresswork workcontactworkemail companyemail corporateemail \
         officeemail empemail userprincipalname upn email emailaddress emailid mail mailaddress \
         employee? worker? username? login? userid? employeeid? geschaeftlicheemail \
         emailgeschaeftlich dienstlicheemail emaildienstlich arbeitsemail firmenemail \
         mitarbeiteremail emailadresse emailadressegeschaeftlich geschaeftlicheemailadresse \
         mitarbeiter? emailprofessionnel adresseemailprofessionnelle courrielprofessionnel \
         emailpro courriel adresseemail adressemail adresseelectronique correoelectronicolaboral \
         correolaboral correocorporativo emailcorporativo correodetrabajo correoelectronico \
         direcciondecorreoelectronico correo werkemail emailwerk zakelijkemailadres werkmail \
         emailadres 会社メールアドレス 社用メールアドレス 社員メールアドレス 従業員メールアドレス \
         メールアドレス 電子メール eメール メール",
    ),
    (
        "ManagerId",
        "manageremail mgremail managerworkemail manageremailaddress managerprimaryworkemail \
         managersemail workersmanageremail linemanageremail directmanageremail \
         reportingmanageremail supervisoremail supervisorworkemail supervisoremailaddress \
         reportstoemail managerupn manageruserprincipalname superioremail reportsto reportingto \
         linemanager directmanager reportingmanager manager supervisor supervisorid boss \
         vorgesetzteremail vorgesetztenemail emailvorgesetzter emaildesvorgesetzten \
         emailvorgesetzte fuehrungskraftemail emailfuehrungskraft emailderfuehrungskraft \
         manageremailadresse vorgesetzter vorgesetzte fuehrungskraft emailmanager emaildumanager \
         emailresponsable emailduresponsable emaildusuperieur emailsuperieurhierarchique \
         superieurhierarchique responsablehierarchique responsable correodeljefe emaildeljefe \
         correojefe correodelsupervisor correodelgerente correodelresponsable jefedirecto jefe \
         emailleidinggevende leidinggevendeemail manageremailadres leidinggevende \
         上司メールアドレス 上司のメールアドレス 上長メールアドレス マネージャーメールアドレス \
         管理者メールアドレス 上司メール 上司 上長 マネージャー 所属長",
    ),
    (
        "EffectiveDate",
        "effectivestartdate effectivefrom asofdate asof snapshotdate validfrom reportingdate \
         reportdate? reporteffectivedate stichtag gueltigab gueltigvon wirksamab datum? datedeffet \
         dateeffet datedebutdeffet fechaefectiva fechadevigencia fechavigencia ingangsdatum \
         peildatum 有効日 発効日 適用日 基準日 有効開始日",
    ),
    (
        "Organization",
        "organisation organizationname orgname supervisoryorganization supervisoryorg department \
         departmentname dept deptname homedepartmentdescription homedepartment \
         departmentdescription orgunit orgunitname organizationalunit organisationalunit division? \
         businessunit? team? abteilung abteilungsname organisationseinheit bereich? departement \
         service? direction? unidadorganizativa departamento area? organisatie afdeling \
         afdelingsnaam 組織 組織名 所属組織 部署 部署名 所属部署 部門 部門名 所属",
    ),
    (
        "LevelDesignation",
        "joblevel managementlevel careerlevel jobgrade grade gradelevel jobband careerband level? \
         band? seniority? paygrade? rank? karrierestufe hierarchiestufe stufe? ebene? \
         niveauhierarchique niveaudeposte niveau? niveldepuesto nivel? functieniveau 等級 職級 \
         グレード 職位 役職?",
    ),
    (
        "FunctionType",
        "jobfunction jobfamily jobdiscipline function jobfamilygroup jobcategory? discipline? \
         funktion jobfamilie funktionsbereich taetigkeit? fonction familledemetier \
         familleprofessionnelle metier? funcion familiadepuesto familialaboral functie? \
         functiefamilie 職種 職能 職務?",
    ),
    (
        "HireDate",
        "originalhiredate? dateofhire mostrecenthiredate latesthiredate hiredon joiningdate \
         dateofjoining joindate employmentstartdate startdate? contractstartdate? eintrittsdatum \
         eintritt einstellungsdatum datedembauche dateembauche datedentree fechadeingreso \
         fechaingreso fechadecontratacion fechadealta? datumindienst indiensttreding \
         datumindiensttreding 入社日 入社年月日 雇用日 採用日",
    ),
    (
        "HourlyRate",
        "hourlyrateusd hourlycost? stundensatz? tauxhoraire? tarifahora? uurtarief? 時給?",
    ),
    ("Layer", "orglayer organizationlayer layersfromceo? 階層?"),
    ("SupervisorIndicator", "supervisorflag?"),
    ("WeeklyBadgeOnsiteDays", "onsitedays? weeklyonsitedays"),
    (
        "Location",
        "worklocation locationname primarylocation officelocation office worksite site? city? \
         workcity locationcity? arbeitsort standort dienstort buero? lieudetravail lieu? bureau? \
         lugardetrabajo centrodetrabajo ubicacion sede? oficina? werklocatie locatie standplaats \
         vestiging? kantoor? 勤務地 勤務場所 拠点 事業所 オフィス",
    ),
    (
        "CountryOrRegion",
        "country countryregion workcountry locationcountry countryname countrycode countryofwork \
         region? land arbeitsland pays pais 国 国名 国地域 勤務国",
    ),
];

/// Custom fields for columns that many exports have and that are useful for grouping.
pub(super) const CUSTOM: [Named; 6] = [
    (
        "CostCenter",
        "costcentre costcentername kostenstelle centredecout centredecouts centrodecosto \
         centrodecostos centrodecoste kostenplaats 原価センタ コストセンター コストセンタ",
    ),
    (
        "JobTitle",
        "businesstitle positiontitle jobcodedescription jobtitledescription title? position \
         berufsbezeichnung stellenbezeichnung jobbezeichnung intituleduposte poste puesto cargo \
         functietitel 役職名 肩書",
    ),
    (
        "EmployeeType",
        "workertype employmenttype employeeclass mitarbeitertyp \
         beschaeftigungsart typedecontrat tipodecontrato tipodeempleado contracttype 雇用形態 \
         雇用区分 社員区分",
    ),
    (
        "Company",
        "companyname legalentity legalentityname gesellschaft firma societe entreprise empresa \
         bedrijf 会社 会社名",
    ),
    ("Division", "divisionname geschaeftsbereich 事業部 本部"),
    ("BusinessUnit", "businessunitname geschaeftseinheit unidaddenegocio"),
];

/// Names of people.
const PEOPLE: &str = "name firstname givenname forename lastname surname familyname fullname middlename displayname \
     nickname employeename workername associatename payrollname worker employee manager supervisor \
     managername supervisorname reportsto reportstoname workersmanager vorname nachname familienname mitarbeiter \
     mitarbeitername prenom nom nomdefamille nomcomplet nombre nombres apellido apellidos \
     nombrecompleto voornaam achternaam naam volledigenaam 氏名 名前 姓 名 フリガナ カナ 社員名 \
     従業員名 上司名 上司氏名";

/// Endings of other names of people.
const ENDS_OF_PEOPLE: &str = "firstname lastname fullname middlename displayname familyname surname preferredname legalname \
     managername supervisorname フリガナ 氏名";

/// Numbers that a system gives to people.
const NUMBERS: &str = "id employeeid employeenumber employeeno empid empno emplid workerid workernumber personid personnelnumber \
     personnumber staffid staffnumber payrollid associateid fileno filenumber badgeid badgenumber \
     userid username login positionid positionnumber managerid manageremployeeid managernumber \
     managerworkerid supervisorid supervisornumber personalnummer mitarbeiternummer mitarbeiterid \
     persnr matricule numeroempleado numerodeempleado legajo personeelsnummer medewerkernummer \
     社員番号 従業員番号 社員id 従業員id 社員コード 上司社員番号";

/// Personal data that a file rarely needs, in addition to the English names of rule Q04. Short names must match
/// the whole key; names of at least 8 letters or in other scripts may be a part of it.
const PERSONAL: [Named; 12] = [
    (
        "a national identity number",
        "sozialversicherungsnummer svnummer rvnummer steuerid steuernummer \
         steueridentifikationsnummer ausweisnummer numerodesecuritesociale numerosecuritesociale \
         nir dni nie nif curp rfc bsn burgerservicenummer ninumber personnummer マイナンバー \
         個人番号",
    ),
    (
        "a date of birth or an age",
        "geburtsdatum geburtstag gebdatum alter datedenaissance datenaissance fechadenacimiento \
         fechanacimiento edad geboortedatum leeftijd 生年月日 誕生日 年齢",
    ),
    (
        "an address",
        "address addressline1 addressline2 street streetaddress zip zipcode postalcode postcode \
         homecity adresse privatadresse anschrift wohnort strasse plz adressepersonnelle \
         codepostal domicilio direccion codigopostal woonadres huisadres woonplaats 住所 郵便番号",
    ),
    (
        "a phone number",
        "phone phonenumber workphone mobile mobilephone mobilenumber cellphone telephone telefon \
         telefonnummer handy handynummer portable telefono movil telefoon 電話番号 携帯",
    ),
    (
        "pay",
        "payrate basepay annualpay grosspay gehalt jahresgehalt grundgehalt monatsgehalt lohn \
         stundenlohn salaire remuneration salario sueldo salaris loon 給与 年収 賞与 基本給 月給",
    ),
    (
        "bank details",
        "accountnumber routingnumber bic swift rib kontonummer bankverbindung cuentabancaria \
         rekeningnummer 銀行 口座番号",
    ),
    ("a gender", "geschlecht anrede sexe sexo genero geslacht pronouns 性別"),
    (
        "a nationality or origin",
        "nationality citizenship countryofbirth staatsangehoerigkeit nationalitaet nationalite \
         nacionalidad nationaliteit 国籍",
    ),
    ("a religion", "konfession religionszugehoerigkeit kirchensteuer religie 宗教"),
    (
        "a disability or state of health",
        "schwerbehinderung behinderung handicap discapacidad veteran 障害",
    ),
    (
        "a marital status",
        "familienstand situationfamiliale estadocivil burgerlijkestaat numberofdependents 婚姻 \
         配偶者",
    ),
    ("a trade union membership", "gewerkschaft syndicat sindicato vakbond 労働組合"),
];

/// A field that a column's name may mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    pub(super) field: &'static str,
    /// 0 is the field's own name.
    pub(super) rank: usize,
    /// Whether the name probably means nothing else.
    pub(super) is_clear: bool,
}

/// The fields of a table that a key may mean.
pub(super) fn matches(key: &str, table: &'static [Named]) -> Vec<Match> {
    let in_names = |(field, names): &Named| {
        if self::key(field) == key {
            return Some(Match { field, rank: 0, is_clear: true });
        }
        let mut ranked = (1..).zip(names.split_whitespace());
        let (rank, name) =
            ranked.find(|(_, name)| name.strip_suffix('?').unwrap_or(name) == key)?;
        Some(Match { field, rank, is_clear: !name.ends_with('?') })
    };
    table.iter().filter_map(in_names).collect()
}

/// The kind of personal data that a key names.
pub(super) fn personal(key: &str) -> Option<&'static str> {
    if is_private_address(key) {
        return Some("a private email address");
    }
    let is_named =
        |name: &str| key == name || ((name.len() >= 8 || !name.is_ascii()) && key.contains(name));
    let found = PERSONAL.iter().find(|(_, names)| names.split_whitespace().any(is_named));
    found.map(|(kind, _)| *kind)
}

/// Whether a key names a private email address: `Mail privat`, `Personal Email`.
fn is_private_address(key: &str) -> bool {
    let has = |words: &str| words.split_whitespace().any(|word| key.contains(word));
    let is_private = has("privat prive personal personnel particular home 個人 私用 自宅");
    has("mail courriel correo メール") && (is_private || key.ends_with("perso"))
}

/// Whether a key names people.
pub(super) fn is_of_people(key: &str) -> bool {
    has(PEOPLE, key) || ENDS_OF_PEOPLE.split_whitespace().any(|end| key.ends_with(end))
}

/// Whether a key is a number that a system gives to people.
pub(super) fn is_number(key: &str) -> bool {
    has(NUMBERS, key)
}

fn has(names: &str, key: &str) -> bool {
    names.split_whitespace().any(|name| name == key)
}

/// The letters and digits of a header in lower case and without accents; `#` means number.
pub(super) fn key(header: &str) -> String {
    folded(&header.replace('#', "number"))
        .chars()
        .filter(|char| char.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// A header in the letters that the service accepts: `Coût (€)` is `Cout`. Empty if nothing is left.
pub(super) fn plain(header: &str) -> String {
    let text = folded(header);
    let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    let words: Vec<&str> = words.map(|word| word.trim_matches('_')).collect();
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

/// Western letters without their accents, as their languages write them without accents.
fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for char in text.chars() {
        let letters = match char {
            'ä' | 'æ' => "ae",
            'ö' | 'ø' | 'œ' => "oe",
            'ü' => "ue",
            'Ä' | 'Æ' => "Ae",
            'Ö' | 'Ø' | 'Œ' => "Oe",
            'Ü' => "Ue",
            'ß' => "ss",
            'à' | 'á' | 'â' | 'ã' | 'å' => "a",
            'À' | 'Á' | 'Â' | 'Ã' | 'Å' => "A",
            'ç' => "c",
            'Ç' => "C",
            'è' | 'é' | 'ê' | 'ë' => "e",
            'È' | 'É' | 'Ê' | 'Ë' => "E",
            'ì' | 'í' | 'î' | 'ï' => "i",
            'Ì' | 'Í' | 'Î' | 'Ï' => "I",
            'ñ' => "n",
            'Ñ' => "N",
            'ò' | 'ó' | 'ô' | 'õ' => "o",
            'Ò' | 'Ó' | 'Ô' | 'Õ' => "O",
            'ù' | 'ú' | 'û' => "u",
            'Ù' | 'Ú' | 'Û' => "U",
            _ => {
                folded.push(char);
                continue;
            }
        };
        folded.push_str(letters);
    }
    folded
}

#[cfg(test)]
mod tests;
