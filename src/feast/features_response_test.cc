#include "feast/features_response.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/hex.h"
#include "feast/value_wire.h"

namespace floe::feast {
namespace {

std::string Bytes(const char* hex) { return HexDecode(hex).ValueOrDie(); }

TEST(FeaturesResponseTest, IsByteForByteWhatProtobufWrites) {
  // GetOnlineFeaturesResponse of feast 0.67.0, serialized by protobuf for Python:
  // feature names id and v__a, feature views v (version 3) and w (0).
  const std::string metadata =
      Bytes("0a180a0a0a0269640a04765f5f6112050a0176100312030a0177");
  const std::string id =
      Bytes("12200a0220070a0b20ffffffffffffffffff010a02200712030101011a001a001a00");
  const std::string feature =
      Bytes("12fd010acb0112c801") + std::string(200, 'x') +
      Bytes(
          "0a000a0929000000000000e03f12030103041a06080110a0c21e1a001a1108feffffffffffff"
          "ffff0110988cebdc03");

  FeaturesResponse response(3);
  response.AddFeatureView("v", 3);
  response.AddFeatureView("w", 0);
  response.AddFeatureView("v", 4);
  using Status = FieldStatus;
  constexpr int64_t kNoTime = FeaturesResponse::kNoTime;
  response.SetRows(std::vector(3, Status::kPresent), std::vector(3, kNoTime));
  const std::string seven = Bytes("2007");
  const std::string minus_one = Bytes("20ffffffffffffffffff01");
  response.AddColumn("id", std::vector<std::string_view>{seven, minus_one, seven});
  response.SetRows(
      std::vector{Status::kPresent, Status::kNotFound, Status::kOutsideMaxAge},
      std::vector<int64_t>{1'000'500, kNoTime, -1'000'001});
  std::string text;
  wire::AppendBytes(2, std::string(200, 'x'), &text);
  const std::string half = Bytes("29000000000000e03f");
  response.AddColumn("v__a", std::vector<std::string_view>{text, "", half});
  EXPECT_EQ(HexEncode(response.Finish()), HexEncode(metadata + id + feature));
}

TEST(FeaturesResponseTest, OfNoRowsHasEmptyColumns) {
  FeaturesResponse response(0);
  response.SetRows({}, {});
  response.AddColumn("a", {});
  EXPECT_EQ(HexEncode(response.Finish()),
            "0a050a030a0161"
            "1200");
}

}  // namespace
}  // namespace floe::feast
