#include "json/action_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/json_text.h"
#include "core/random.h"
#include "seed.h"

namespace pathcast {
namespace {

class ActionReaderTest : public testing::Test {
 protected:
  Status Read(std::string json) {
    json_ = std::move(json);
    json_.shrink_to_fit();  // So that the padding has to be made.
    return reader_.Read(&json_, &fields_);
  }
  // The text of the error; "" when there is none.
  std::string Error(std::string json) {
    return Read(std::move(json)).message();
  }
  // A whole action with `field` (a key, a colon, a value) at its end, so that
  // it counts in place of an earlier one.
  static std::string With(const std::string& field) {
    return R"({"id":"a1","type":"update","module":"guests","entityId":"g1",)"
           R"("timestamp":1700000000000,"queryPaths":["guests.getAll"],)" +
           field + "}";
  }

  ActionReader reader_;
  ActionFields fields_;
  std::string json_;
};

TEST_F(ActionReaderTest, ReadsAWholeAction) {
  const std::string json =
      R"({"id":"a1","type":"delete","module":"guests","entityId":"g1",)"
      R"("data":{"id":"inner","queryPaths":[1,{"type":null}]},)"
      R"("companyId":"acme","clientId":"c1","userId":"u1","sourceId":"tab1",)"
      R"("timestamp":1700000000123,"queryPaths":["guests.getAll","budget"],)"
      R"("toolName":"t","tx":[[[]]],"seq":41})";
  ASSERT_TRUE(Read(json).ok());
  EXPECT_EQ(json_, json);
  EXPECT_EQ(fields_.id, "a1");
  EXPECT_EQ(fields_.module, "guests");
  EXPECT_EQ(fields_.entity_id, "g1");
  EXPECT_EQ(fields_.client_id, "c1");
  EXPECT_EQ(fields_.user_id, "u1");
  EXPECT_EQ(fields_.source_id, "tab1");
  EXPECT_EQ(fields_.timestamp, 1700000000123);
  EXPECT_EQ(fields_.query_paths,
            (std::vector<std::string_view>{"guests.getAll", "budget"}));
}

TEST_F(ActionReaderTest, AbsentAndNullAreNone) {
  ASSERT_TRUE(Read(With(R"("clientId": null ,"sourceId":null)")).ok());
  EXPECT_EQ(fields_.client_id, "");
  EXPECT_EQ(fields_.source_id, "");
  EXPECT_EQ(fields_.user_id, "");
}

TEST_F(ActionReaderTest, ForgetsTheActionBefore) {
  ASSERT_TRUE(Read(With(R"("clientId":"c1","userId":"u1")")).ok());
  ASSERT_TRUE(Read(With(R"("queryPaths":[])")).ok());
  EXPECT_EQ(fields_.client_id, "");
  EXPECT_EQ(fields_.user_id, "");
  EXPECT_TRUE(fields_.query_paths.empty());
}

TEST_F(ActionReaderTest, OfTwoTheLastCounts) {
  ASSERT_TRUE(Read(With(R"("id":"a2","queryPaths":["b"],"module":"m2")")).ok());
  EXPECT_EQ(fields_.id, "a2");
  EXPECT_EQ(fields_.module, "m2");
  EXPECT_EQ(fields_.query_paths, std::vector<std::string_view>{"b"});
}

TEST_F(ActionReaderTest, DecodesEscapes) {
  ASSERT_TRUE(Read(With(R"("entityId":"\"\\\/\b\f\n\r\t\u00e9\ud83c\udf89",)"
                        R"("\u0069\u0064":"by escape")"))
                  .ok());
  EXPECT_EQ(fields_.entity_id, "\"\\/\b\f\n\r\té🎉");
  EXPECT_EQ(fields_.id, "by escape");
}

TEST_F(ActionReaderTest, StepsOverDataThatIsNoUnicode) {
  ASSERT_TRUE(
      Read(With(R"("data":"\ud800","tx":{"\udfff":"\ud800x"},"\ud800":"k")"))
          .ok());
  EXPECT_EQ(fields_.id, "a1");
}

TEST_F(ActionReaderTest, ReplacesLoneSurrogatesInItsFields) {
  ASSERT_TRUE(Read(With(R"("entityId":"a\ud800b\n","module":"\udc00",)"
                        R"("queryPaths":["p\ud83c","ok","\ud83c\ud83c\udf89",)"
                        R"("\ud800\u0041\"\\"])"))
                  .ok());
  EXPECT_EQ(fields_.entity_id, "a\uFFFDb\n");
  EXPECT_EQ(fields_.module, "\uFFFD");
  EXPECT_EQ(fields_.query_paths,
            (std::vector<std::string_view>{"p\uFFFD", "ok", "\uFFFD🎉",
                                           "\uFFFDA\"\\"}));
  EXPECT_EQ(fields_.timestamp, 1700000000000);
}

TEST_F(ActionReaderTest, TakesTimestampsAsNumbersOfAnyForm) {
  const std::pair<const char*, int64_t> cases[] = {
      {"0", 0},
      {"-1.5", -2},
      {"1700000000000.999", 1700000000000},
      {"1.7e12", 1700000000000},
      {"9007199254740991", 9007199254740991},
      {"-0", 0},
  };
  for (const auto& [text, value] : cases) {
    ASSERT_TRUE(Read(With(std::string("\"timestamp\":") + text)).ok()) << text;
    EXPECT_EQ(fields_.timestamp, value) << text;
  }
  for (const char* text : {"1e300", "9007199254740993", "\"1\"", "null", "{}",
                           "1x", "-", "01", "1e999"}) {
    EXPECT_EQ(Error(With(std::string("\"timestamp\":") + text)),
              "timestamp is not a number of milliseconds")
        << text;
  }
}

TEST_F(ActionReaderTest, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(Error(With(R"("id":7)")), "id is not a string");
  EXPECT_EQ(Error(With(R"("id":null)")), "id is not a string");
  EXPECT_EQ(Error(With(R"("module":[])")), "module is not a string");
  EXPECT_EQ(Error(With(R"("clientId":{})")), "clientId is not a string");
  EXPECT_EQ(Error(With(R"("clientId":nullx)")), "clientId is not a string");
  EXPECT_EQ(Error(With(R"("sourceId":true)")), "sourceId is not a string");
  EXPECT_EQ(Error(With(R"("entityId":"\x")")), "entityId has a bad escape");
  EXPECT_EQ(Error(With(R"("entityId":"\u12")")), "entityId has a bad escape");
  EXPECT_EQ(Error(With(R"("type":"upsert")")),
            "type is none of insert, update, delete");
  EXPECT_EQ(Error(With(R"("queryPaths":"a")")), "queryPaths is not an array");
  EXPECT_EQ(Error(With(R"("queryPaths":["a",1])")),
            "queryPaths is not a string");
  EXPECT_EQ(Error(R"({"id":"a1"})"), "type is missing");
  EXPECT_EQ(Error("{}"), "id is missing");
}

TEST_F(ActionReaderTest, RefusesWhatIsNoJsonObject) {
  for (const char* json : {"",
                           " ",
                           "null",
                           "7",
                           "\"a\"",
                           "[]",
                           "[{}]",
                           "{",
                           "}",
                           "{\"id\"}",
                           "{\"id\":}",
                           "{\"id\":\"a\"",
                           "{\"id\":\"a}",
                           "{,}",
                           "{\"a\":1,}",
                           "{\"a\" 1}",
                           "{a:1}",
                           "\xEF\xBB\xBF",
                           "{\"id\":\"\xFF\"}",
                           "{\"id\":\"a\nb\"}"}) {
    const Status status = Read(json);
    EXPECT_EQ(status.code(), Code::kInvalid) << json;
    EXPECT_FALSE(status.message().empty());
  }
  const std::string whole = With(R"("seq":1)");
  EXPECT_TRUE(Read(whole + " \r\n\t ").ok());
  EXPECT_FALSE(Read(whole + "x").ok());
  EXPECT_FALSE(Read(whole + "{}").ok());
  EXPECT_FALSE(Read(whole + "}").ok());
  EXPECT_FALSE(Read(whole + ",").ok());
  // A failure leaves the reader as good as new.
  EXPECT_TRUE(Read(whole).ok());
}

TEST_F(ActionReaderTest, ReadsLargeAndDeepData) {
  const std::string large(200 * 1000, 'x');
  ASSERT_TRUE(Read(With("\"data\":\"" + large + "\",\"userId\":\"u9\"")).ok());
  EXPECT_EQ(fields_.user_id, "u9");
  std::string deep = std::string(500, '[') + std::string(500, ']');
  ASSERT_TRUE(Read(With("\"data\":" + deep + ",\"userId\":\"u8\"")).ok());
  EXPECT_EQ(fields_.user_id, "u8");
}

std::string RandomText(Random* random) {
  static const std::vector<std::string> kPieces = {
      "a", "Z",  ".", "\"",     "\\", "\n", "\r", std::string(1, '\0'),
      "é", "東", "🎉", "\u2028", "{",  "}",  "[",  "]",
      ":", ",",  " "};
  std::string text;
  for (uint64_t i = random->Between(0, 12); i > 0; --i) {
    text += kPieces[random->Between(0, kPieces.size() - 1)];
  }
  return text;
}

std::string RandomJson(Random* random, int depth) {
  std::string json;
  const uint64_t items = random->Between(0, 3);
  switch (random->Between(0, depth > 0 ? 5 : 3)) {
    case 0:
      AppendJsonString(&json, RandomText(random));
      return json;
    case 1:
      return std::to_string(static_cast<int64_t>(random->Next() >> 20));
    case 2:
      return random->Between(0, 1) == 0 ? "true" : "null";
    case 3:
      return R"("\ud800")";
    case 4:
      json = "[";
      for (uint64_t i = 0; i < items; ++i) {
        if (i > 0) json += ',';
        json += RandomJson(random, depth - 1);
      }
      return json + "]";
    default:
      json = "{";
      for (uint64_t i = 0; i < items; ++i) {
        if (i > 0) json += ", ";
        AppendJsonString(&json, RandomText(random));
        json += ':' + RandomJson(random, depth - 1);
      }
      return json + "}";
  }
}

TEST_F(ActionReaderTest, ReadsRandomActionsInAnyOrder) {
  Random random(TestSeed());
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::pair<std::string, std::string>> fields;
    const auto text = [&](const std::string& key) {
      const std::string value = RandomText(&random);
      std::string json;
      AppendJsonString(&json, value);
      fields.emplace_back(key, json);
      return value;
    };
    const std::string id = text("id");
    const std::string module = text("module");
    const std::string entity = text("entityId");
    const std::string source = text("sourceId");
    const auto when = static_cast<int64_t>(random.Between(0, 1ull << 52));
    fields.emplace_back("timestamp", std::to_string(when));
    fields.emplace_back("type", "\"insert\"");
    fields.emplace_back("clientId", "null");
    fields.emplace_back("data", RandomJson(&random, 4));
    fields.emplace_back("tx", RandomJson(&random, 4));
    std::vector<std::string> paths;
    std::string list = "[";
    for (uint64_t i = random.Between(0, 4); i > 0; --i) {
      paths.push_back(RandomText(&random));
      if (list.size() > 1) list += ',';
      AppendJsonString(&list, paths.back());
    }
    fields.emplace_back("queryPaths", list + "]");
    for (size_t i = fields.size() - 1; i > 0; --i) {
      std::swap(fields[i], fields[random.Between(0, i)]);
    }
    std::string json = "{";
    for (const auto& [key, value] : fields) {
      if (json.size() > 1) json += ',';
      json += '"' + key + "\":" + value;
    }
    json += '}';

    const Status status = Read(json);
    ASSERT_TRUE(status.ok()) << status.ToString() << '\n' << json;
    EXPECT_EQ(fields_.id, id);
    EXPECT_EQ(fields_.module, module);
    EXPECT_EQ(fields_.entity_id, entity);
    EXPECT_EQ(fields_.source_id, source);
    EXPECT_EQ(fields_.client_id, "");
    EXPECT_EQ(fields_.timestamp, when);
    EXPECT_TRUE(std::equal(paths.begin(), paths.end(),
                           fields_.query_paths.begin(),
                           fields_.query_paths.end()));
  }
}

// Damaged text: any verdict is right, as long as it is one.
TEST_F(ActionReaderTest, SurvivesDamage) {
  Random random(TestSeed());
  const std::string whole =
      With(R"("data":{"a":[1,2,{"b":"\ud800\n"}]},"clientId":"c1")");
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string json = whole;
    for (uint64_t i = random.Between(1, 4); i > 0; --i) {
      const size_t at = random.Between(0, json.size() - 1);
      switch (random.Between(0, 3)) {
        case 0:
          json[at] = static_cast<char>(random.Next());
          break;
        case 1:
          json.resize(at + 1);
          break;
        case 2:
          json.erase(at, random.Between(1, 5));
          if (json.empty()) json = "x";
          break;
        default:
          json.insert(at, 1, "\"\\{}[]:,"[random.Between(0, 7)]);
      }
    }
    if (!Read(std::move(json)).ok()) {
      ++refused;
      continue;
    }
    EXPECT_LT(fields_.id.size(), 1000u);
  }
  EXPECT_GT(refused, 10000);
}

}  // namespace
}  // namespace pathcast
