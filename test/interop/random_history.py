"""A random life of a table: Spark and Floe insert, delete, update, merge, evolve, partition and
compact it in turn, by a seed. What the rows are is Spark's word; the steps are kept, to say how
a difference came about."""

import decimal
import random
import re

COLUMN_TYPES = {
    "bigint": lambda rng: str(rng.randrange(-(2**40), 2**40)),
    "int": lambda rng: str(rng.randrange(-99, 100)),
    "double": lambda rng: f"double('{rng.gauss(0, 9)!r}')",
    "float": lambda rng: f"float('{rng.randrange(-64, 64) / 8}')",
    "string": lambda rng: "'" + rng.choice(["", "a", "bb", "ccc", "Ü", "a/b c=d"]) + "'",
    "boolean": lambda rng: rng.choice(["true", "false"]),
    "decimal(9,2)": lambda rng: f"{decimal.Decimal(rng.randrange(-9999, 9999)).scaleb(-2)}BD",
    "date": lambda rng: f"date '2026-{rng.randrange(1, 4):02}-{rng.randrange(1, 28):02}'",
    "timestamp": lambda rng: (
        f"timestamp '2026-0{rng.randrange(1, 4)}-1{rng.randrange(9)} "
        f"{rng.randrange(24):02}:00:0{rng.randrange(9)}.{rng.randrange(10**6):06} UTC'"
    ),
    "timestamp_ntz": lambda rng: (
        f"timestamp_ntz '19{rng.randrange(60, 80)}-01-01 00:00:00.{rng.randrange(10**6):06}'"
    ),
    "binary": lambda rng: f"X'{rng.randbytes(rng.randrange(4)).hex()}'",
    "array<int>": lambda rng: f"array({', '.join(str(rng.randrange(9)) for _ in range(3))})",
    "struct<x:int,y:string>": lambda rng: (
        f"named_struct('x', {rng.randrange(9)}, 'y', '{rng.choice('pq')}')"
    ),
    "map<string,int>": lambda rng: f"map('k', {rng.randrange(9)}, 'l', null)",
}
WIDER = {"int": "bigint", "float": "double", "decimal(9,2)": "decimal(14,2)"}
PARTITION_FIELDS = {
    "bigint": ["bucket(3, {c})", "truncate(10, {c})"],
    "int": ["{c}", "bucket(4, {c})", "truncate(7, {c})"],
    "string": ["{c}", "truncate(1, {c})", "bucket(2, {c})"],
    "date": ["months({c})", "days({c})", "{c}"],
    "timestamp": ["hours({c})", "days({c})", "years({c})"],
    "boolean": ["{c}"],
}
FORMATS = ["parquet", "parquet", "orc", "avro"]
CODECS = ["zstd", "snappy", "gzip", "lz4", "uncompressed"]


def words_of(partition_field):
    """{"bucket", "3", "c1"} of "bucket(3, c1)"."""
    return set(re.findall(r"\w+", partition_field))


class RandomHistory:
    """The table `db.{name}`, which create() makes; each step() is one random change of it."""

    def __init__(self, seed, spark, floe, name, version):
        self.rng = random.Random(seed)
        self.spark, self.floe = spark, floe
        self.floe_name, self.spark_name = f"db.{name}", f"j.db.{name}"
        self.version = version
        self.columns = {"id": "bigint", "k": "int", "name": "string", "at": "timestamp"}
        self.format, self.partition_fields = "parquet", []
        # Spark cannot read a table whose former partition column was dropped.
        self.was_repartitioned = False
        self.next_id = self.next_column = 0
        self.steps = []

    def sql(self, text, rows=False):
        self.steps.append(text)
        return self.spark.sql(text, rows=rows)

    def create(self):
        columns = ", ".join(f"{name} {type_}" for name, type_ in self.columns.items())
        for type_ in self.rng.sample(sorted(COLUMN_TYPES), 5):
            columns += f", {self.new_column(type_)} {type_}"
        field = self.some_partition_field() if self.rng.random() < 0.6 else None
        partitioned = f" PARTITIONED BY ({field})" if field else ""
        granularity = self.rng.choice(["file", "partition"])
        self.sql(
            f"CREATE TABLE {self.spark_name} ({columns}) USING iceberg{partitioned} "
            f"TBLPROPERTIES ('format-version'='{self.version}', {self.some_mode()}, "
            f"'write.delete.granularity'='{granularity}')"
        )
        if field:
            self.partition_fields.append(field)

    def new_column(self, type_):
        self.next_column += 1
        name = f"c{self.next_column}"
        self.columns[name] = type_
        return name

    def some_column(self, *types):
        found = [c for c, type_ in self.columns.items() if not types or type_ in types]
        return self.rng.choice(found) if found else None

    def some_partition_field(self):
        column = self.some_column(*PARTITION_FIELDS)
        return self.rng.choice(PARTITION_FIELDS[self.columns[column]]).format(c=column)

    def value(self, type_):
        if self.rng.random() < 0.15:
            return f"cast(null as {type_})"
        base = {wide: narrow for narrow, wide in WIDER.items()}.get(type_, type_)
        maker = COLUMN_TYPES.get(type_) or COLUMN_TYPES[base]
        return f"cast({maker(self.rng)} as {type_})"

    def rows(self, count):
        rows = []
        for _ in range(count):
            values = [
                str(self.next_id) if name == "id" else self.value(type_)
                for name, type_ in self.columns.items()
            ]
            self.next_id += 1
            rows.append(f"({', '.join(values)})")
        return ", ".join(rows)

    def predicate(self):
        """A condition that Spark's SQL and Floe's filters spell alike."""
        rng = self.rng
        some_id = rng.randrange(self.next_id + 1)
        choices = [
            f"id < {rng.randrange(self.next_id + 1)}",
            f"id = {some_id}",
            f"id >= {some_id} AND id < {some_id + rng.randrange(1, 9)}",
            f"id IN ({some_id}, {some_id // 2}, {some_id + 3})",
        ]
        if self.columns.get("k") in ("int", "bigint"):
            choices += [f"k > {rng.randrange(-99, 99)}", "k IS NULL", "k IS NOT NULL AND id > 3"]
        if "name" in self.columns:
            choices += ["name = 'a'", "name IN ('bb', 'Ü')", "name IS NULL OR id < 4"]
        return rng.choice(choices)

    def insert(self):
        self.sql(f"INSERT INTO {self.spark_name} VALUES {self.rows(self.rng.randrange(1, 25))}")

    def delete(self):
        self.sql(f"DELETE FROM {self.spark_name} WHERE {self.predicate()}")

    def update(self):
        column = self.some_column()
        if column == "id":
            return self.insert()
        value = self.value(self.columns[column])
        self.sql(f"UPDATE {self.spark_name} SET {column} = {value} WHERE {self.predicate()}")

    def merge(self):
        top = self.next_id
        source = self.rows(4)
        names = ", ".join(self.columns)
        low = self.rng.randrange(top + 1)
        self.sql(
            f"MERGE INTO {self.spark_name} t USING (SELECT * FROM VALUES {source} AS s({names})) s "
            f"ON t.id = s.id - {top - low} WHEN MATCHED AND t.id % 2 = 0 THEN DELETE "
            f"WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        )

    def add_column(self):
        type_ = self.rng.choice(sorted(COLUMN_TYPES))
        name = self.new_column(type_)
        self.sql(f"ALTER TABLE {self.spark_name} ADD COLUMN {name} {type_}")

    def partition_columns(self):
        words = set().union(*map(words_of, self.partition_fields))
        return words & set(self.columns)

    def change_column(self):
        free = [c for c in self.columns if c != "id" and c not in self.partition_columns()]
        if not free:
            return self.add_column()
        name = self.rng.choice(free)
        type_ = self.columns[name]
        kind = self.rng.choice(["rename", "drop", "widen"])
        if kind == "widen" and type_ in WIDER:
            self.columns[name] = WIDER[type_]
            self.sql(f"ALTER TABLE {self.spark_name} ALTER COLUMN {name} TYPE {WIDER[type_]}")
        elif kind == "drop" and len(self.columns) > 4 and not self.was_repartitioned:
            del self.columns[name]
            self.sql(f"ALTER TABLE {self.spark_name} DROP COLUMN {name}")
        else:
            self.next_column += 1
            new = f"r{self.next_column}"
            self.columns = {new if c == name else c: t for c, t in self.columns.items()}
            self.sql(f"ALTER TABLE {self.spark_name} RENAME COLUMN {name} TO {new}")

    def change_partitioning(self):
        self.was_repartitioned = True
        if self.partition_fields and self.rng.random() < 0.5:
            field = self.partition_fields.pop(self.rng.randrange(len(self.partition_fields)))
            self.sql(f"ALTER TABLE {self.spark_name} DROP PARTITION FIELD {field}")
            return
        field = self.some_partition_field()
        if field in self.partition_fields or len(self.partition_fields) > 1:
            return self.insert()
        if self.partition_columns() & words_of(field):
            return self.insert()
        self.partition_fields.append(field)
        self.sql(f"ALTER TABLE {self.spark_name} ADD PARTITION FIELD {field}")

    def change_format(self, format_=None):
        format_ = self.format = format_ or self.rng.choice(FORMATS)
        codec = self.rng.choice(CODECS)
        known = {"orc": ["zstd", "snappy", "lz4"], "avro": ["zstd", "snappy", "gzip"]}
        codec = codec if codec in known.get(format_, CODECS) else known[format_][0]
        self.sql(
            f"ALTER TABLE {self.spark_name} SET TBLPROPERTIES ('write.format.default'='{format_}', "
            f"'write.{format_}.compression-codec'='{codec}')"
        )

    def some_mode(self):
        mode = self.rng.choice(["copy-on-write", "merge-on-read"])
        return ", ".join(
            f"'write.{what}.mode'='{mode}'" for what in ("delete", "update", "merge")
        )

    def change_mode(self):
        self.sql(f"ALTER TABLE {self.spark_name} SET TBLPROPERTIES ({self.some_mode()})")

    def spark_upkeep(self):
        procedure, more = self.rng.choice(
            [
                ("rewrite_data_files", ", options => map('min-input-files', '2')"),
                ("rewrite_manifests", ""),
                ("rewrite_position_delete_files", ", options => map('rewrite-all', 'true')"),
            ]
        )
        self.sql(f"CALL j.system.{procedure}(table => '{self.floe_name}'{more})", rows=True)

    def floe_delete(self):
        found, mode = self.predicate(), self.rng.choice(["copy-on-write", "merge-on-read"])
        self.steps.append(f"floe delete {found} {mode}")
        self.floe.delete(self.floe_name, found, mode=mode)

    def floe_append(self):
        """Some of the table's own rows again, under new ids."""
        rows = self.floe.scan(self.floe_name, limit=5).read_all()
        ids = list(range(self.next_id, self.next_id + rows.num_rows))
        self.next_id += rows.num_rows
        self.steps.append(f"floe append {ids}")
        place = rows.schema.get_field_index("id")
        rows = rows.set_column(place, "id", [ids])
        self.floe.append(self.floe_name, rows)

    def floe_upkeep(self):
        action, options = self.rng.choice(
            [
                ("compact", {"min_files": 2}),
                ("compact", {"rewrite_all": True, "sort_by": ["id desc"]}),
                ("deletes", {"min_files": 1}),
                ("manifests", {}),
            ]
        )
        self.steps.append(f"floe maintain {action} {options}")
        self.floe.maintain(self.floe_name, action, **options)

    def floe_step(self):
        if self.format != "parquet":
            # Floe refuses to write where another format is asked for.
            self.change_format("parquet")
        self.rng.choice([self.floe_delete, self.floe_append, self.floe_upkeep])()

    def step(self):
        choices = [
            (self.insert, 6),
            (self.delete, 3),
            (self.update, 3),
            (self.merge, 2),
            (self.add_column, 1),
            (self.change_column, 2),
            (self.change_partitioning, 1),
            (self.change_format, 1),
            (self.change_mode, 1),
            (self.spark_upkeep, 1),
            (self.floe_step, 5),
        ]
        operations, weights = zip(*choices)
        self.rng.choices(operations, weights)[0]()
