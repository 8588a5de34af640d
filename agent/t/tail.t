# The tail keeps the last bytes and no more, and is always text.
use strict; use warnings; use utf8;
use Test::More;
use FastX::Tail;

my $tail = FastX::Tail->new(100);
is $tail->text, '', 'empty at first';
$tail->append("line $_\n") for 1 .. 100_000;
is length $tail->bytes, 100, 'bounded';
like $tail->text, qr/line 100000\n\z/, 'the end is kept';
is_deeply [ $tail->last_lines(2) ], [ 'line 99999', 'line 100000' ], 'last lines';
$tail->append('y' x 1_000_000);
cmp_ok length $tail->{kept}, '<=', 4400, 'one large write does not stay';
$tail = FastX::Tail->new(5);
$tail->append("\xc3\xa9" x 4);
is $tail->text, 'éé', 'a character that was cut is left out';
done_testing;
