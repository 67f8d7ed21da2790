"""What `feast plan` says of online tables.

Feast compares infrastructure for two store classes alone, named inside
feast.diff.infra_diff, and what a registry remembers of it for SQLite alone. So the plan of
an online table is made against the catalog itself and travels through Feast as an
InfraObject; feast.feature_store's diff_infra_protos is replaced, in programs that plan with
this store, by one that also shows these. For every other store it answers as before.
"""

import json

from feast import feature_store
from feast.diff.infra_diff import InfraObjectDiff
from feast.diff.property_diff import PropertyDiff, TransitionType
from feast.feature_view import FeatureView
from feast.infra.infra_object import InfraObject
from feast.labeling import LabelView
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.protos.feast.core.InfraObject_pb2 import InfraObject as InfraObjectProto
from feast.stream_feature_view import StreamFeatureView

_CLASS_TYPE = "floe.online_plan.OnlineTable"
_KIND = "iceberg table"


class OnlineTable(InfraObject):
    """An online table, and what `feast apply` will do to it: `changes` is floe_online_plan's
    of a table that exists, None of one to make, and is_dropped of one to drop."""

    def __init__(self, name, changes=None, is_dropped=False):
        super().__init__(name)
        self.changes = changes
        self.is_dropped = is_dropped

    def to_proto(self):
        options = {
            "name": self.name,
            "changes": self.changes,
            "is_dropped": self.is_dropped,
        }
        return InfraObjectProto.CustomInfra(field=json.dumps(options).encode())

    def to_infra_object_proto(self) -> InfraObjectProto:
        return InfraObjectProto(
            infra_object_class_type=_CLASS_TYPE, custom_infra=self.to_proto()
        )

    @staticmethod
    def from_infra_object_proto(infra_object_proto: InfraObjectProto) -> "OnlineTable":
        return OnlineTable.from_proto(infra_object_proto.custom_infra)

    @staticmethod
    def from_proto(infra_object_proto) -> "OnlineTable":
        return OnlineTable(**json.loads(infra_object_proto.field))

    def update(self):
        """Nothing: IcebergOnlineStore.update makes and changes the tables."""

    def teardown(self):
        """Nothing: IcebergOnlineStore.update and teardown drop the tables."""

    def diff(self):
        """As Feast shows it."""
        proto = self.to_proto()
        if self.is_dropped:
            return InfraObjectDiff(
                self.name, _KIND, proto, None, [], TransitionType.DELETE
            )
        if self.changes is None:
            return InfraObjectDiff(
                self.name, _KIND, None, proto, [], TransitionType.CREATE
            )
        changes = [_property(change) for change in self.changes]
        kind = TransitionType.UPDATE if changes else TransitionType.UNCHANGED
        return InfraObjectDiff(self.name, _KIND, proto, proto, changes, kind)


def _property(change):
    column = change["column"]
    if change["kind"] == "add":
        return PropertyDiff(f"column {column}", "none", change["to"])
    if change["kind"] == "drop":
        return PropertyDiff(f"column {column}", change["from"], "dropped")
    if change["kind"] == "rename":
        return PropertyDiff(f"column {change['from']}", change["from"], column)
    return PropertyDiff(f"column {column}", change["from"], change["to"])


def objects_of(plan):
    """The InfraObjects of floe_online_plan's answer."""
    tables = [
        OnlineTable(table["table"], table["changes"] if table["exists"] else None)
        for table in plan["tables"]
    ]
    return tables + [OnlineTable(name, is_dropped=True) for name in plan["drops"]]


def views_of(registry_proto, project=None):
    """The views of a registry's message, of one project or of all, that `feast apply`
    makes online tables for."""
    views = [
        kind.from_proto(proto)
        for kind, protos in (
            (FeatureView, registry_proto.feature_views),
            (StreamFeatureView, registry_proto.stream_feature_views),
            (OnDemandFeatureView, registry_proto.on_demand_feature_views),
            (LabelView, registry_proto.label_views),
        )
        for proto in protos
        if project is None or proto.spec.project == project
    ]
    return [view for view in views if is_online(view)]


def is_online(view):
    if isinstance(view, OnDemandFeatureView):
        return view.write_to_online_store
    return getattr(view, "online", True)


def show_online_tables():
    """Makes Feast's plan show online tables, in this process, from now on."""
    original = feature_store.diff_infra_protos
    if getattr(original, "shows_online_tables", False):
        return

    def diff_infra_protos(current_infra_proto, new_infra_proto, project=None):
        diff = original(current_infra_proto, new_infra_proto, project=project)
        diff.infra_object_diffs += [
            OnlineTable.from_infra_object_proto(proto).diff()
            for proto in new_infra_proto.infra_objects
            if proto.infra_object_class_type == _CLASS_TYPE
        ]
        return diff

    diff_infra_protos.shows_online_tables = True
    feature_store.diff_infra_protos = diff_infra_protos
