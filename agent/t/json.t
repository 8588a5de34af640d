# What JSON says is read and written exactly; what is not JSON is an error, never an exception.
use strict; use warnings; use utf8;
use Test::More;
use FastX::JSON;

sub decoded { my ($value, $error) = FastX::JSON::decode($_[0]); return defined $error ? "ERROR" : $value }

is_deeply decoded(' {"a":[1,-2.5e3,"x",true,false,null,{}],"b":{"c":[]}} '),
    { a => [ 1, -2500, 'x', 1, 0, undef, {} ], b => { c => [] } }, 'every kind of value';
is decoded('"\u00e9\n\"\\\\\/\ud83d\ude00"'), "é\n\"\\/\x{1f600}", 'escapes and surrogate pairs';
is decoded("\"\xc3\xa9\""), 'é', 'UTF-8';
for my $wrong ('', ' ', '{', '[1,]', '{"a"}', '{"a":1,}', '{a:1}', '01', '1.', '+1', '.5', 'nul', 'truex', '"a', "\"\n\"",
    '"\x"', '"\ud800"', '"\udc00x"', '"\u12"', '1 2', "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\xf4\x90\x80\x80",
    '[' x 1000, ('[' x 66) . (']' x 66), "'a'", 'NaN') {
    my (undef, $error) = FastX::JSON::decode($wrong);
    ok defined $error, 'refused: ' . substr(FastX::JSON::text_from_bytes($wrong), 0, 20) =~ s/\W/./gr;
}
my (undef, $error) = FastX::JSON::decode(undef);
ok defined $error, 'undef is refused';
my $long = 'x' x 300_000;
is decoded(qq("$long")), $long, 'a long string';

is FastX::JSON::encode({ b => [ 1, '1', 1.5, -3, undef, \1, \0 ], a => "é\"\\\n\x01\x7f" }),
    qq({"a":"\xc3\xa9\\"\\\\\\n\\u0001\\u007f","b":[1,"1",1.5,-3,null,true,false]}), 'numbers stay numbers, texts stay texts';
is FastX::JSON::encode("\x{d800}"), qq("\xef\xbf\xbd"), 'what has no UTF-8 is replaced';
is FastX::JSON::encode(''), '""', 'the empty text';
my $random = join '', map { chr rand 0x2fff } 1 .. 2000;
is decoded(FastX::JSON::encode($random)), $random, 'round trip';

is FastX::JSON::text_from_bytes("a\xffb\xc3\xa9\xe2\x82"), "a\x{fffd}bé\x{fffd}\x{fffd}", 'bytes that are not UTF-8 are replaced one by one';
is length FastX::JSON::text_from_bytes(pack 'C*', map { int rand 256 } 1 .. 20_000) > 0, 1, 'any bytes become text';

for (['plain', 'x' x 100], ['escaped', "\x01" x 100], ['wide', "\x{1f600}" x 100], ['mixed', join '', map { chr 1 + rand 300 } 1 .. 100]) {
    my ($kind, $text) = @$_;
    for my $limit (2, 3, 50, 101, 102, 601, 602, 1000) {
        my $end  = FastX::JSON::end_within($text, $limit);
        my $more = substr $text, -1 - length $end;
        ok length FastX::JSON::encode($end) <= $limit && ($end eq '' || $text =~ /\Q$end\E\z/)
            && ($end eq $text || length(FastX::JSON::encode($more)) + 6 > $limit), "the end of a text within $limit bytes: $kind";
    }
}
is FastX::JSON::end_within('', 2), '', '... of none';
done_testing;
