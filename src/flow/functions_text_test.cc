// What PostgreSQL 15 makes of text and JSON.
#include "flow/testing_functions.h"

namespace headrace {
namespace {

TEST(Text, Functions) {
  testing::run_cases(R"cases(
|| ; text 'a' ; text 'b' => text 'ab'
|| ; text 'é' ; unknown 'x' => text 'éx'
|| ; text 'a' ; integer '5' => text 'a5'
|| ; numeric '1.50' ; text 'x' => text '1.50x'
|| ; boolean 't' ; text 'x' => text 'truex'
|| ; unknown 'n' ; integer '5' => text 'n5'
|| ; unknown 'a' ; unknown 'b' => text 'ab'
|| ; text 'a' ; text NULL => text NULL
|| ; bytea '\x01' ; bytea '\x02ff' => bytea '\x0102ff'
|| ; integer '1' ; integer '2' => refused
|| ; text 'a' ; jsonb '{"a": [1, 2], "s": "x, y: z"}' => text 'a{"a": [1, 2], "s": "x, y: z"}'
length ; text 'naïve ☃ 𝄞' => integer '9'
length ; text '' => integer '0'
length ; bytea '\x010203' => integer '3'
char_length ; text 'ab' => integer '2'
octet_length ; text 'naïve' => integer '6'
octet_length ; bytea '\x0102' => integer '2'
lower ; text 'ÀÉÎ ABC Ω' => text 'àéî abc ω'
upper ; text 'àéî abc ω ß' => text 'ÀÉÎ ABC Ω ß'
lower ; text '' => text ''
btrim ; text '  a b  ' => text 'a b'
btrim ; text 'xyxtrimyyx' ; text 'xyz' => text 'trim'
btrim ; text 'ééaé' ; text 'é' => text 'a'
btrim ; text 'xx' ; text 'x' => text ''
btrim ; text 'a' ; text '' => text 'a'
ltrim ; text '  a  ' => text 'a  '
ltrim ; text 'zzzytest' ; text 'xyz' => text 'test'
rtrim ; text '  a  ' => text '  a'
rtrim ; text 'testxxzx' ; text 'xyz' => text 'test'
substring ; text 'Thomas' ; integer '3' => text 'omas'
substring ; text 'Thomas' ; integer '-3' => text 'Thomas'
substring ; text 'Thomas' ; integer '2' ; integer '3' => text 'hom'
substring ; text 'Thomas' ; integer '-1' ; integer '3' => text 'T'
substring ; text 'Thomas' ; integer '-1' ; integer '1' => text ''
substring ; text 'Thomas' ; integer '0' ; integer '2' => text 'T'
substring ; text 'Thomas' ; integer '5' ; integer '100' => text 'as'
substring ; text 'Thomas' ; integer '2147483647' ; integer '2147483647' => text ''
substring ; text 'Thomas' ; integer '100' => text ''
substring ; text 'Thomas' ; integer '2' ; integer '-1' => error 'negative substring length not allowed'
substring ; text 'añb☃c' ; integer '2' ; integer '3' => text 'ñb☃'
substr ; text 'alphabet' ; integer '3' ; integer '2' => text 'ph'
left ; text 'abcde' ; integer '2' => text 'ab'
left ; text 'abcde' ; integer '-2' => text 'abc'
left ; text 'abcde' ; integer '-9' => text ''
left ; text 'é☃x' ; integer '2' => text 'é☃'
left ; text 'abc' ; integer '0' => text ''
left ; text 'abc' ; integer '9' => text 'abc'
right ; text 'abcde' ; integer '2' => text 'de'
right ; text 'abcde' ; integer '-2' => text 'cde'
right ; text 'abcde' ; integer '-9' => text ''
right ; text 'é☃x' ; integer '2' => text '☃x'
right ; text 'abc' ; integer '9' => text 'abc'
right ; text 'abc' ; integer '0' => text ''
replace ; text 'abcdefabcdef' ; text 'cd' ; text 'XX' => text 'abXXefabXXef'
replace ; text 'aaa' ; text 'a' ; text '' => text ''
replace ; text 'aaa' ; text '' ; text 'x' => text 'aaa'
replace ; text '' ; text 'a' ; text 'x' => text ''
replace ; text 'ababa' ; text 'aba' ; text 'x' => text 'xba'
split_part ; text 'abc~@~def~@~ghi' ; text '~@~' ; integer '2' => text 'def'
split_part ; text 'abc,def,ghi' ; text ',' ; integer '-1' => text 'ghi'
split_part ; text 'abc,def,ghi' ; text ',' ; integer '-3' => text 'abc'
split_part ; text 'abc,def,ghi' ; text ',' ; integer '-4' => text ''
split_part ; text 'abc,def,ghi' ; text ',' ; integer '4' => text ''
split_part ; text 'abc,def,ghi' ; text ',' ; integer '0' => error 'field position must not be zero'
split_part ; text 'abc' ; text '' ; integer '1' => text 'abc'
split_part ; text 'abc' ; text '' ; integer '-1' => text 'abc'
split_part ; text 'abc' ; text '' ; integer '2' => text ''
split_part ; text '' ; text ',' ; integer '1' => text ''
split_part ; text ',a' ; text ',' ; integer '1' => text ''
position ; text 'Thomas' ; text 'om' => integer '3'
position ; text 'é☃x' ; text 'x' => integer '3'
strpos ; text 'high' ; text 'ig' => integer '2'
strpos ; text 'high' ; text 'x' => integer '0'
strpos ; text 'high' ; text '' => integer '1'
strpos ; text '' ; text 'x' => integer '0'
starts_with ; text 'alphabet' ; text 'alph' => boolean 'true'
starts_with ; text 'alphabet' ; text 'beta' => boolean 'false'
reverse ; text 'añb☃' => text '☃bña'
reverse ; text '' => text ''
repeat ; text 'Pg' ; integer '4' => text 'PgPgPgPg'
repeat ; text 'Pg' ; integer '0' => text ''
repeat ; text 'Pg' ; integer '-1' => text ''
repeat ; text '' ; integer '2000000000' => text ''
lpad ; text 'hi' ; integer '5' => text '   hi'
lpad ; text 'hi' ; integer '5' ; text 'xy' => text 'xyxhi'
lpad ; text 'hello' ; integer '2' => text 'he'
lpad ; text 'hi' ; integer '-1' ; text 'x' => text ''
lpad ; text 'hi' ; integer '5' ; text '' => text 'hi'
lpad ; text 'é' ; integer '4' ; text '☃x' => text '☃x☃é'
rpad ; text 'hi' ; integer '5' => text 'hi   '
rpad ; text 'hi' ; integer '6' ; text 'xyz' => text 'hixyzx'
rpad ; text 'hello' ; integer '2' ; text '' => text 'he'
rpad ; text '' ; integer '3' ; text 'é' => text 'ééé'
concat ; text 'a' ; integer '5' ; text NULL ; numeric '1.50' ; boolean 't' => text 'a51.50t'
concat ; text NULL => text ''
concat ; date '2001-02-03' ; interval '1 day' => text '2001-02-031 day'
concat_ws ; unknown ',' ; text 'a' ; text NULL ; integer '22' => text 'a,22'
concat_ws ; text NULL ; text 'a' => text NULL
concat_ws ; unknown ',' ; text NULL ; text '' => text ''
)cases");
}

TEST(Text, Patterns) {
  testing::run_cases(R"cases(
~~ ; text 'abc' ; text 'a%' => boolean 'true'
~~ ; text 'abc' ; text '%c' => boolean 'true'
~~ ; text 'abc' ; text '_b_' => boolean 'true'
~~ ; text 'añc' ; text 'a_c' => boolean 'true'
~~ ; text 'abc' ; text 'abc' => boolean 'true'
~~ ; text 'abc' ; text 'c' => boolean 'false'
~~ ; text 'abc' ; text '%%' => boolean 'true'
~~ ; text '' ; text '%' => boolean 'true'
~~ ; text '' ; text '' => boolean 'true'
~~ ; text 'a%c' ; text 'a\%c' => boolean 'true'
~~ ; text 'abc' ; text 'a\%c' => boolean 'false'
~~ ; text 'a_c' ; text 'a\_c' => boolean 'true'
~~ ; text 'abcabc' ; text 'a%bc' => boolean 'true'
~~ ; text 'abcabd' ; text 'a%bc' => boolean 'false'
~~ ; text 'aXbXXcd' ; text 'a%b%c%d' => boolean 'true'
~~ ; text 'aa' ; text 'a%a%a' => boolean 'false'
~~ ; text 'a.c' ; text 'a._' => boolean 'true'
~~ ; text 'abc' ; text 'a._' => boolean 'false'
~~ ; text 'abc' ; text 'a\' => error 'LIKE pattern must not end with escape character'
~~ ; text 'a\c' ; text 'a\\c' => boolean 'true'
!~~ ; text 'abc' ; text 'a%' => boolean 'false'
~~* ; text 'ÀBC' ; text 'àb%' => boolean 'true'
!~~* ; text 'ABC' ; text 'a_c' => boolean 'false'
~~ ; text NULL ; text 'a' => boolean NULL
~ ; text 'thomas' ; text 't.*ma' => boolean 'true'
~ ; text 'thomas' ; text '^h' => boolean 'false'
~ ; text 'thomas' ; text 's$' => boolean 'true'
!~ ; text 'thomas' ; text 't.*max' => boolean 'true'
~* ; text 'thomas' ; text 'T.*MA' => boolean 'true'
!~* ; text 'thomas' ; text 'T.*max' => boolean 'true'
~ ; text 'abc123' ; text '^[a-z]+[0-9]{3}$' => boolean 'true'
~ ; text 'abc' ; text '\d' => boolean 'false'
like_escape ; text 'a#%b\c' ; text '#' => text 'a\%b\\c'
like_escape ; text 'ab' ; text '##' => error 'invalid escape string'
like_escape ; text 'a\b%' ; text '' => text 'a\\b%'
)cases");
}

TEST(Text, Documents) {
  testing::run_cases(R"cases(
-> ; jsonb '{"a": {"b": [1, "x"]}, "c": null}' ; text 'a' => jsonb '{"b": [1, "x"]}'
-> ; jsonb '{"a": 1}' ; unknown 'b' => jsonb NULL
-> ; jsonb '{"c": null}' ; text 'c' => jsonb 'null'
-> ; jsonb '[1, [2, 3], "x"]' ; integer '1' => jsonb '[2, 3]'
-> ; jsonb '[1, 2]' ; integer '-1' => jsonb '2'
-> ; jsonb '[1, 2]' ; integer '-3' => jsonb NULL
-> ; jsonb '[1, 2]' ; integer '2' => jsonb NULL
-> ; jsonb '{"a": 1}' ; integer '0' => jsonb NULL
-> ; jsonb '[1]' ; text 'a' => jsonb NULL
-> ; jsonb '5' ; text 'a' => jsonb NULL
->> ; jsonb '{"a": "x\"y\\z\u00e9\t|"}' ; text 'a' => text 'x"y\zé	|'
->> ; jsonb '{"a": 1.50}' ; text 'a' => text '1.50'
->> ; jsonb '{"a": {"b": [1, 2], "c": "p, q: r"}}' ; text 'a' => text '{"b": [1, 2], "c": "p, q: r"}'
->> ; jsonb '{"a": null}' ; text 'a' => text NULL
->> ; jsonb '[true, "s"]' ; integer '0' => text 'true'
->> ; jsonb '[true, "s"]' ; integer '1' => text 's'
->> ; jsonb '{"k\"q": 2}' ; text 'k"q' => text '2'
)cases");
}

}  // namespace
}  // namespace headrace
