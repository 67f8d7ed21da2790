#!/bin/bash
# Runs Feast's universal suites on Floe: run.sh CHECKOUT [offline|entityless|online] [pytest
# arguments]. CHECKOUT is a git checkout of feast, of which only sdk/python/tests and
# sdk/python/pytest.ini are used; README.md says what must be installed. Environment: PYTHON
# (python3), FLOE_LIBRARY (a built libfloe.so, unless floe is installed).
set -Eeuo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
if (($# < 1)) || [ ! -d "$1/sdk/python/tests" ]; then
  sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
checkout="$(cd "$1" && pwd)"
part="${2:-offline}"
shift $(($# < 2 ? $# : 2))

# Feast itself must be the installed one, not the checkout's.
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
cp -r "$checkout/sdk/python/tests" "$checkout/sdk/python/pytest.ini" "$scratch"
export PYTHONPATH="$scratch:$here${FLOE_LIBRARY:+:$here/../../python}${PYTHONPATH:+:$PYTHONPATH}"
export IS_TEST=True FEAST_USAGE=False FEAST_IS_LOCAL_TEST=True
export FULL_REPO_CONFIGS_MODULE=floe_repo_configuration

tests=tests/integration
case "$part" in
  offline)
    selection=(--ignore="$tests/offline_store/test_dqm_validation.py"
      -m "not rbac_remote_integration_test and not ray_offline_stores_only"
      "$tests/offline_store")
    ;;
  entityless)
    export FLOE_UNIVERSAL_WIDEN_FLOATS=1
    selection=(-m ray_offline_stores_only "$tests/offline_store/test_non_entity_mode.py")
    ;;
  online)
    online="$tests/online_store"
    # What is named dynamo starts DynamoDB in Docker; its twins run on Floe.
    selection=(-m "not rbac_remote_integration_test" -k "not dynamo"
      "$online/test_universal_online.py"
      "$online/test_universal_online_types.py"
      "$online/test_push_features_to_online_store.py" "$online/test_universal_e2e.py")
    ;;
  *)
    echo "run.sh: no part '$part'; there are offline, entityless and online" >&2
    exit 2
    ;;
esac
cd "$scratch"
"${PYTHON:-python3}" -m pytest --integration -q --timeout=240 "${selection[@]}" "$@"
