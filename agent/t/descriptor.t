# A descriptor goes with a line, and is the same file at the other end.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::Descriptor;
use Passing "passed_to";
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);

socketpair my $near, my $far, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die $!;
pipe my $reader, my $writer or die $!;
ok FastX::Descriptor::send($near, "LINE\n", $writer), 'it goes';
close $writer;
my ($line, $handle) = passed_to($far);
is $line, "LINE\n", 'with its line';
ok defined $handle, '... as a descriptor';
syswrite $handle, 'through it';
close $handle;
is join('', <$reader>), 'through it', 'which is the same file, open as long as it is at either end';

close $far;
ok !FastX::Descriptor::send($near, "LINE\n", $reader), 'where nobody is there it does not go';
ok $!, "... and \$! says why: $!";
done_testing;
