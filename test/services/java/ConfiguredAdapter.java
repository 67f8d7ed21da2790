package org.apache.iceberg.rest;

import java.util.Map;
import java.util.function.Consumer;
import org.apache.iceberg.catalog.Catalog;
import org.apache.iceberg.rest.credentials.ImmutableCredential;
import org.apache.iceberg.rest.responses.LoadTableResponse;

/** The reference adapter, whose loaded tables carry credentials and ask for planning. */
class ConfiguredAdapter extends RESTCatalogAdapter {
  private static final String DELEGATION = "X-Iceberg-Access-Delegation";

  private final Map<String, String> vended;
  private final boolean plansScans;

  ConfiguredAdapter(Catalog catalog, Map<String, String> vended, boolean plansScans) {
    super(catalog);
    this.vended = vended;
    this.plansScans = plansScans;
  }

  @Override
  public <T extends RESTResponse> T handleRequest(Route route, Map<String, String> variables,
      HTTPRequest request, Class<T> type, Consumer<Map<String, String>> headers) {
    T response = super.handleRequest(route, variables, request, type, headers);
    if (!(response instanceof LoadTableResponse)) {
      return response;
    }
    LoadTableResponse loaded = (LoadTableResponse) response;
    LoadTableResponse.Builder builder = LoadTableResponse.builder()
        .withTableMetadata(loaded.tableMetadata())
        .addAllConfig(loaded.config());
    if (!vended.isEmpty() && asksForCredentials(request)) {
      builder.addAllConfig(vended);
      builder.addCredential(ImmutableCredential.builder()
          .prefix(loaded.tableMetadata().location()).config(vended).build());
    }
    if (plansScans) {
      builder.addConfig("scan-planning-mode", "server");
    }
    return castResponse(type, builder.build());
  }

  private static boolean asksForCredentials(HTTPRequest request) {
    return request.headers().entries(DELEGATION).stream()
        .anyMatch(header -> header.value().contains("vended-credentials"));
  }
}
