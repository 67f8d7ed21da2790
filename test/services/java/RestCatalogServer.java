package org.apache.iceberg.rest;

import jakarta.servlet.DispatcherType;
import java.net.InetSocketAddress;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.CatalogUtil;
import org.apache.iceberg.FileScanTask;
import org.apache.iceberg.Scan;
import org.eclipse.jetty.ee10.servlet.FilterHolder;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;

/**
 * Iceberg's reference REST adapter behind Jetty, on loopback. In Iceberg's package, for the
 * adapter's hooks are package-private.
 *
 * <p>Usage: RestCatalogServer PORT KEY=VALUE... The keys are catalog properties, and
 * <ul>
 *   <li>{@code server.client=ID:SECRET}: only bearer tokens issued to that client are let in
 *   <li>{@code server.token-seconds=N}: how long a token lasts (3600)
 *   <li>{@code server.vend.KEY=VALUE}: part of the configuration that loading a table answers
 *       to a client that asks for vended credentials
 *   <li>{@code server.planning=sync|async}: tables ask for planning on the server
 * </ul>
 */
public class RestCatalogServer {
  private static final String VEND = "server.vend.";

  public static void main(String[] arguments) throws Exception {
    Map<String, String> properties = new LinkedHashMap<>();
    Map<String, String> vended = new LinkedHashMap<>();
    for (int i = 1; i < arguments.length; i++) {
      String[] pair = arguments[i].split("=", 2);
      if (pair[0].startsWith(VEND)) {
        vended.put(pair[0].substring(VEND.length()), pair[1]);
      } else {
        properties.put(pair[0], pair[1]);
      }
    }
    String client = properties.remove("server.client");
    String tokenSeconds = properties.remove("server.token-seconds");
    String planning = properties.remove("server.planning");

    RESTCatalogAdapter adapter = new ConfiguredAdapter(
        CatalogUtil.buildIcebergCatalog("reference", properties, new Configuration()),
        vended, planning != null);
    if ("async".equals(planning)) {
      adapter.setPlanningBehavior(new RESTCatalogAdapter.PlanningBehavior() {
        @Override
        public boolean shouldPlanTableScanAsync(Scan<?, FileScanTask, ?> scan) {
          return true;
        }
      });
    }

    ServletContextHandler context =
        new ServletContextHandler(ServletContextHandler.NO_SESSIONS);
    context.addServlet(new ServletHolder("rest", new RESTCatalogServlet(adapter)), "/*");
    if (client != null) {
      long seconds = tokenSeconds == null ? 3600 : Long.parseLong(tokenSeconds);
      context.addFilter(new FilterHolder(new TokenFilter(client, seconds)), "/*",
          EnumSet.of(DispatcherType.REQUEST));
    }
    Server server =
        new Server(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])));
    server.setHandler(context);
    server.start();
    server.join();
  }
}
