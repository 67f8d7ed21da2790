package org.apache.iceberg.rest;

import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/**
 * OAuth2 as Iceberg catalogs speak it: client credentials and token exchange give bearer
 * tokens, and nothing else is answered without a live one. {@code POST /test/revoke} ends
 * all tokens, as the passing of their time would.
 */
class TokenFilter implements Filter {
  private static final String ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
  private static final String EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";

  private final String client;
  private final long tokenSeconds;
  private final Map<String, Long> endsAtNanos = new ConcurrentHashMap<>();

  TokenFilter(String client, long tokenSeconds) {
    this.client = client;
    this.tokenSeconds = tokenSeconds;
  }

  @Override
  public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
      throws IOException, ServletException {
    HttpServletRequest call = (HttpServletRequest) request;
    HttpServletResponse answer = (HttpServletResponse) response;
    String path = call.getRequestURI();
    if (path.equals("/test/revoke")) {
      endsAtNanos.clear();
      answer.setStatus(204);
    } else if (path.endsWith("/oauth/tokens")) {
      giveToken(call, answer);
    } else if (isLive(bearer(call))) {
      chain.doFilter(request, response);
    } else {
      write(answer, 401, "{\"error\":{\"message\":\"The token is missing or has expired\","
          + "\"type\":\"NotAuthorizedException\",\"code\":401}}");
    }
  }

  private void giveToken(HttpServletRequest call, HttpServletResponse answer)
      throws IOException {
    boolean exchanges = EXCHANGE.equals(call.getParameter("grant_type"))
        && isLive(call.getParameter("subject_token"));
    if (!exchanges && !client.equals(clientOf(call))) {
      write(answer, 401, "{\"error\":\"invalid_client\","
          + "\"error_description\":\"Unknown client or wrong secret\"}");
      return;
    }
    String token = "token-" + UUID.randomUUID();
    endsAtNanos.put(token, System.nanoTime() + tokenSeconds * 1_000_000_000L);
    write(answer, 200, "{\"access_token\":\"" + token + "\",\"token_type\":\"bearer\","
        + "\"expires_in\":" + tokenSeconds + ",\"issued_token_type\":\"" + ACCESS_TOKEN
        + "\"}");
  }

  /** ID:SECRET of the form's fields or of Basic authentication. */
  private static String clientOf(HttpServletRequest call) {
    String header = call.getHeader("Authorization");
    if (header != null && header.startsWith("Basic ")) {
      byte[] decoded = Base64.getDecoder().decode(header.substring("Basic ".length()));
      return new String(decoded, StandardCharsets.UTF_8);
    }
    return call.getParameter("client_id") + ":" + call.getParameter("client_secret");
  }

  private static String bearer(HttpServletRequest call) {
    String header = call.getHeader("Authorization");
    return header != null && header.startsWith("Bearer ")
        ? header.substring("Bearer ".length()) : null;
  }

  private boolean isLive(String token) {
    Long end = token == null ? null : endsAtNanos.get(token);
    return end != null && end - System.nanoTime() > 0;
  }

  private static void write(HttpServletResponse answer, int status, String json)
      throws IOException {
    answer.setStatus(status);
    answer.setContentType("application/json");
    answer.getWriter().write(json);
  }
}
