"""What a retrieval would read, for people and for programs."""

import json


class Explanation(dict):
    """The plan of floe_explain_historical_features (floe.h)."""

    def to_json(self, indent=2) -> str:
        return json.dumps(self, indent=indent)

    def __str__(self):
        partly = "" if self["all_entity_rows_seen"] else " (the first part of the frame)"
        lines = [f"{self['entity_rows']} entity rows{partly}"]
        for view in self["views"]:
            lines += _view_lines(view)
        requests = self["cost"]["requests"]
        made = ", ".join(f"{count} {kind}" for kind, count in requests.items() if count)
        lines.append(f"requests made to find out: {made or 'none'}")
        return "\n".join(lines)


def _view_lines(view):
    snapshot = view["snapshot_id"]
    at = "" if snapshot is None else f" at snapshot {snapshot}"
    files = view["files"]
    kept = [file for file in files if file["row_groups_kept"]]
    return [
        f"view {view['view']}: {view['source']}{at}",
        f"  looks for {view['filter']}",
        f"  files {view['files_kept']} of {view['files_total']} kept: "
        f"{view['files_total'] - view['files_opened']} left out by the table's metadata, "
        f"{view['files_opened'] - view['files_kept']} by their footers and indexes",
        f"  row groups {view['row_groups_kept']} of {view['row_groups']} kept in the files "
        f"opened, {view['rows_kept']} rows",
        f"  bytes {view['key_bytes']} of keys and times, at most "
        f"{view['feature_bytes']} of features",
        *(
            f"    {file['path']}: row groups {file['row_groups_kept']} of "
            f"{file['row_groups']}, {file['rows_kept']} rows"
            for file in kept
        ),
    ]
