"""Python programs for the comparison, optimized as well as we could: `by_python.py csv|pandas|polars|zipfile
EXPORT ZIP`.

Each one checks the columns of the sample: width of the rows, required values, addresses, dates, numbers, one
row for each person and date, and that every manager has a row. If everything is valid, the bytes are copied
unchanged, which costs less than writing them again. `read ZIP ENTRY LIKE` reads a whole zip, and compares an
entry with a file.
"""

import csv
import re
import sys
import zipfile

EMAIL = r"^[^@\s,;<>]+@[^@\s,;<>.]+(?:\.[^@\s,;<>.]+)+$"
DATE = r"^(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])/\d{4}$|^$"
CONTRACT = r"^\d{1,2}-[A-Z][a-z]{2}-\d{4}$|^$"
DOUBLE = r"^-?\d+(?:\.\d+)?$|^$"
INTEGER = r"^-?\d+$|^$"
BOOLEAN = r"^(?i:true|false)$|^$"
CHECKS = {
    "PersonId": EMAIL,
    "ManagerId": EMAIL + "|^$",
    "EffectiveDate": DATE,
    "HireDate": DATE,
    "ContractEnd": CONTRACT,
    "HourlyRate": DOUBLE,
    "WeeklyBadgeOnsiteDays": DOUBLE,
    "WeeklyHours": DOUBLE,
    "Layer": INTEGER,
    "EmployeeNumber": INTEGER,
    "IsRemote": BOOLEAN,
}
METADATA = b'{ "DatasetType": "HR" }'


def by_csv(export, out):
    with open(export, encoding="utf-8", newline="") as file:
        rows = csv.reader(file, strict=True)
        header = next(rows)
        width = len(header)
        person, day, manager, unit = map(header.index, ("PersonId", "EffectiveDate", "ManagerId", "Organization"))
        # For each column a set of the valid values so far, so that each value is checked once.
        checks = [(header.index(name), re.compile(rule).match, set()) for name, rule in CHECKS.items()]
        people, managers, keys = {}, set(), set()
        for line, row in enumerate(rows, 2):
            if len(row) != width:
                sys.exit(f"row {line}: {len(row)} columns")
            for place, is_valid, known in checks:
                value = row[place]
                if value not in known:
                    if not is_valid(value):
                        sys.exit(f"row {line}: {header[place]}")
                    known.add(value)
            if not row[unit]:
                sys.exit(f"row {line}: Organization")
            one = people.setdefault(row[person].lower(), len(people))
            key = (one, row[day])
            if key in keys:
                sys.exit(f"row {line}: second row")
            keys.add(key)
            managers.add(row[manager])
    missing = {name.lower() for name in managers} - people.keys() - {""}
    if missing:
        sys.exit(f"{len(missing)} managers without a row")
    by_zipfile(export, out)


def by_pandas(export, out):
    import pandas

    table = pandas.read_csv(export, dtype=str, keep_default_na=False, engine="c")
    # Each different value is checked once, and people and dates are compared as numbers.
    for name, rule in CHECKS.items():
        if not pandas.Series(table[name].unique()).str.match(rule).all():
            sys.exit(name)
    if (table["Organization"] == "").any():
        sys.exit("Organization")
    rows, names = pandas.factorize(table["PersonId"])
    people, names = pandas.factorize(pandas.Series(names).str.lower())
    days, all_days = pandas.factorize(table["EffectiveDate"])
    if pandas.Series(people[rows] * len(all_days) + days).duplicated().any():
        sys.exit("second row")
    if not set(pandas.Series(table["ManagerId"].unique()).str.lower()) <= {"", *names}:
        sys.exit("managers without a row")
    by_zipfile(export, out)


def by_polars(export, out):
    import polars
    from polars import col

    table = polars.read_csv(export, infer_schema=False, empty_string_is_null=False)
    wrong = [(~col(name).unique().str.contains(rule)).any().alias(name) for name, rule in CHECKS.items()]
    wrong.append((col("Organization") == "").any().alias("empty"))
    if any(table.select(value).item() for value in wrong):
        sys.exit("values")
    keys = table.select(col("PersonId").str.to_lowercase().alias("person"), "EffectiveDate")
    if keys.is_duplicated().any():
        sys.exit("second row")
    managers = table.select(col("ManagerId").str.to_lowercase().unique().alias("person"))
    if managers.filter(col("person") != "").join(keys, on="person", how="anti").height:
        sys.exit("managers without a row")
    by_zipfile(export, out)


def by_zipfile(export, out):
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        archive.writestr("metadata.json", METADATA)
        with open(export, "rb") as file, archive.open("data.csv", "w", force_zip64=True) as entry:
            while chunk := file.read(1 << 20):
                entry.write(chunk)


def read(path, entry, like):
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if archive.testzip():
            sys.exit(f"{archive.testzip()} is damaged")
        with archive.open(entry or names[-1]) as one, open(like, "rb") as other:
            while expected := other.read(1 << 20):
                if one.read(len(expected)) != expected:
                    sys.exit(f"{names[-1]} has another content")
            if one.read(1):
                sys.exit(f"{names[-1]} is too long")


WAYS = {"csv": by_csv, "pandas": by_pandas, "polars": by_polars, "zipfile": by_zipfile, "read": read}

if __name__ == "__main__":
    WAYS[sys.argv[1]](*sys.argv[2:])
