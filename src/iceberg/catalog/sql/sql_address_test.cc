#include "iceberg/catalog/sql/sql_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "iceberg/catalog/sql/server_message.h"

namespace floe::iceberg {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

SqlAddress Parse(const std::string& uri,
                 const std::map<std::string, std::string>& properties = {}) {
  auto address = ParseSqlAddress(uri, properties);
  EXPECT_TRUE(address.ok()) << uri << ": " << address.status().ToString();
  return address.ok() ? *address : SqlAddress();
}

TEST(SqlAddress, SqliteAsSqlAlchemyAndJdbcWriteIt) {
  EXPECT_EQ(Parse("sqlite:///rel/a.db").path, "rel/a.db");
  EXPECT_EQ(Parse("sqlite:////abs/a.db").path, "/abs/a.db");
  EXPECT_EQ(Parse("sqlite+pysqlite:////abs/a.db").path, "/abs/a.db");
  EXPECT_EQ(Parse("jdbc:sqlite:/abs/a.db").path, "/abs/a.db");
  EXPECT_EQ(Parse("jdbc:sqlite:file:a.db?x=1").path, "a.db");
}

TEST(SqlAddress, ServersWithAndWithoutADriver) {
  for (const char* scheme : {"postgresql", "postgresql+psycopg2", "postgresql+psycopg",
                             "postgres", "jdbc:postgresql"}) {
    SqlAddress address = Parse(std::string(scheme) + "://db.example:5433/ice");
    EXPECT_EQ(address.engine, SqlEngine::kPostgresql) << scheme;
    EXPECT_EQ(address.host, "db.example");
    EXPECT_EQ(address.port, "5433");
    EXPECT_EQ(address.database, "ice");
  }
  for (const char* scheme : {"mysql", "mysql+pymysql", "mariadb+mariadbconnector",
                             "jdbc:mysql", "jdbc:mariadb"}) {
    EXPECT_EQ(Parse(std::string(scheme) + "://h/d").engine, SqlEngine::kMysql) << scheme;
  }
  EXPECT_EQ(Parse("jdbc:postgresql:ice").database, "ice");
  EXPECT_EQ(Parse("postgresql://[::1]:5432/d").host, "::1");
  SqlAddress two = Parse("postgresql://a:1,b:2/d");
  EXPECT_EQ(two.host, "a,b");
  EXPECT_EQ(two.port, "1,2");
}

TEST(SqlAddress, DecodesUserPasswordAndOptions) {
  SqlAddress address = Parse(
      "postgresql://us%40er:p%40ss%2Fw%3A+rd@h/my%20db?sslmode=require&"
      "application_name=a+b%26c&connect_timeout=3");
  EXPECT_EQ(address.user, "us@er");
  EXPECT_EQ(address.password, "p@ss/w:+rd");
  EXPECT_EQ(address.database, "my db");
  EXPECT_EQ(address.options.at("sslmode"), "require");
  EXPECT_EQ(address.options.at("application_name"), "a b&c");
  EXPECT_EQ(address.options.at("connect_timeout"), "3");
  EXPECT_EQ(address.ToString(), "us@er@h/my db");
  // SQLAlchemy's way to a socket.
  EXPECT_EQ(Parse("postgresql:///d?host=/run/postgresql").host, "/run/postgresql");
}

TEST(SqlAddress, JavaKeepsCredentialsElsewhere) {
  SqlAddress in_options = Parse("jdbc:mysql://h/d?user=u&password=p&connectTimeout=2500");
  EXPECT_EQ(in_options.user, "u");
  EXPECT_EQ(in_options.password, "p");
  EXPECT_EQ(in_options.options.at("connect_timeout"), "3");
  SqlAddress in_properties = Parse("jdbc:postgresql://h/d?currentSchema=ice&ssl=true",
                                   {{"jdbc.user", "u"}, {"jdbc.password", "p"}});
  EXPECT_EQ(in_properties.user, "u");
  EXPECT_EQ(in_properties.password, "p");
  EXPECT_EQ(in_properties.options.at("options"), "-csearch_path=ice");
  EXPECT_EQ(in_properties.options.at("sslmode"), "verify-full");
}

TEST(SqlAddress, SaysWhatIsWrongAndNeverThePassword) {
  const struct {
    const char* uri;
    ErrorCode code;
    const char* words;
  } cases[] = {
      {"", ErrorCode::kInvalidConfig, "needs `uri`"},
      {"sqlite:///", ErrorCode::kInvalidConfig, "names no usable file"},
      {"oracle://u:s3cret@h/d", ErrorCode::kNotSupported, "'oracle'"},
      {"u:s3cret@h/d", ErrorCode::kNotSupported, "expected sqlite"},
      {"postgresql://u:s3cret@h", ErrorCode::kInvalidConfig, "names no database"},
      {"postgresql://u:s3cret@h:54x/d", ErrorCode::kInvalidConfig, "no number"},
      {"postgresql://u:s3cret%zz@h/d", ErrorCode::kInvalidConfig, "%25"},
      {"postgresql://u:s3cret@h/d?sslmod=x", ErrorCode::kInvalidConfig,
       "did you mean 'sslmode'"},
      {"mysql://u:s3cret@h/d?useSSL=true", ErrorCode::kNotSupported, "ssl_ca"},
      {"mysql://u:s3cret@a,b/d", ErrorCode::kNotSupported, "several"},
  };
  for (const auto& one : cases) {
    arrow::Status status = ParseSqlAddress(one.uri, {}).status();
    EXPECT_TRUE(IsError(status, one.code)) << one.uri << ": " << status.ToString();
    EXPECT_THAT(ErrorText(status), HasSubstr(one.words)) << one.uri;
    EXPECT_THAT(ErrorText(status), Not(HasSubstr("s3cret"))) << one.uri;
  }
}

TEST(ServerMessage, OneLineWithoutThePassword) {
  EXPECT_EQ(ServerMessage("FATAL:  no\n\tentry for pa55word \n", "pa55word"),
            "FATAL: no entry for ***");
}

TEST(ConnectOptions, QuotesWhatWouldEndAValue) {
  EXPECT_EQ(ConnectOptions({{"password", "a'b\\c d"}}), " password='a\\'b\\\\c d'");
}

}  // namespace
}  // namespace floe::iceberg
