# Output that nobody reads is dropped beyond a bound, never waited for.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::Forward;
use FastX::Loop;
use Relay 'wait_until';

$SIG{PIPE} = 'IGNORE';
open STDERR, '>', '/dev/null';
my $loop = FastX::Loop->new;
pipe my $reader, my $writer or die;
FastX::Loop::set_nonblocking($reader);
my $forward = FastX::Forward->new($loop, $writer);
$forward->write("first\n");
ok $forward->is_empty, 'what fits is written at once';
$forward->write('x' x 100_000) for 1 .. 100;
cmp_ok length $forward->{held}, '<=', FastX::Forward::MOST_HELD_BYTES, 'what is held is bounded';
my $got = '';
ok wait_until($loop, sub { 1 while sysread $reader, $got, 65_536, length $got; $forward->is_empty }), 'it goes on when somebody reads';
1 while sysread $reader, $got, 65_536, length $got;
like $got, qr/\Afirst\nx+\z/, '... in order';
cmp_ok length $got, '>', FastX::Forward::MOST_HELD_BYTES, '... all that was held';
$forward->write('again');
sysread $reader, $got, 100;
is $got, 'again', 'later output passes';
close $reader;
$forward->write('nobody') for 1 .. 3;
ok $forward->is_empty, 'a closed reader is the end of it';
done_testing;
