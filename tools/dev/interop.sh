# Spark with Iceberg's runtime for the interop tests: in a folder of its own outside the
# tree, since pyspark is large and wants other versions of packages that Floe's .venv has.

INTEROP_FOLDER="${FLOE_INTEROP_FOLDER:-$HOME/.cache/floe-interop}"
SPARK_PACKAGES="pyspark==4.1.4"
SPARK_JARS="org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0
org.xerial:sqlite-jdbc:3.50.3.0"

# Sets INTEROP_SPARK to the folder; installs what its stamp does not name.
install_spark() {
  INTEROP_SPARK="$INTEROP_FOLDER/spark"
  local wanted="$SPARK_PACKAGES $SPARK_JARS" jar
  [ -f "$INTEROP_SPARK/installed.txt" ] &&
    [ "$(<"$INTEROP_SPARK/installed.txt")" = "$wanted" ] && return 0
  say "installing Spark and Iceberg's runtime into $INTEROP_SPARK"
  rm -rf "$INTEROP_SPARK"
  mkdir -p "$INTEROP_SPARK/jars"
  .venv/bin/uv venv --quiet --python "$(.venv/bin/python -c 'import sys; print(sys.base_prefix + "/bin/python3")')" \
    "$INTEROP_SPARK/venv"
  # shellcheck disable=SC2086
  VIRTUAL_ENV="$INTEROP_SPARK/venv" .venv/bin/uv pip install --quiet $SPARK_PACKAGES
  for jar in $SPARK_JARS; do
    mvn --quiet --batch-mode dependency:copy "-Dartifact=$jar" \
      "-DoutputDirectory=$INTEROP_SPARK/jars" >/dev/null
  done
  echo "$wanted" >"$INTEROP_SPARK/installed.txt"
}
