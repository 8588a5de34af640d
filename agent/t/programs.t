# Programs that the relay asks for: each that is waited for is answered, once, and before the end.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::Loop;
use FastX::Process;
use FastX::Programs;
use Relay 'wait_until';

package Reports { sub new { return bless [], shift } sub send { my ($self, $type, %fields) = @_; push @$self, { type => $type, %fields }; return } }

open STDERR, '>', '/dev/null';
$SIG{PIPE} = 'IGNORE';
my $loop = FastX::Loop->new;
sub programs {
    my (%option) = @_;
    my $reports  = Reports->new;
    my $programs = FastX::Programs->new(loop => $loop, callbacks => $reports);
    $programs->run_in({ PATH => $ENV{PATH}, GREETING => 'hello' }, $option{directory} // '/') if !$option{early};
    return ($programs, $reports);
}
sub answered { my ($reports, $count) = @_; return wait_until($loop, sub { @$reports >= ($count // 1) }) }
sub told { my ($reports) = @_; return join '|', map { "$_->{type} $_->{id} $_->{exit_code} $_->{output}" } @$reports }

my ($programs, $reports) = programs();
$programs->start({ id => 'a', wait => 1, command => 'echo $GREETING; pwd; echo oops >&2; exit 3' });
ok answered($reports), 'a command line that is waited for';
is told($reports), "exec_exited a 3 hello\n/\noops\n", '... is answered with its exit code and both streams';
is_deeply [ $programs->groups ], [], '... and forgotten';

($programs, $reports) = programs();
$programs->start({ id => 'b', wait => 1, command => [ $^X, '-e', 'print "@ARGV"; kill 9, $$ if 0', 'a b', '$x', '*' ] });
ok answered($reports) && told($reports) eq 'exec_exited b 0 a b $x *', 'a list is executed as it stands';
$programs->start({ id => 'c', wait => 1, command => 'kill -9 $$' });
ok answered($reports, 2) && $reports->[1]{exit_code} == 137, 'a signal is 128 + its number';
$programs->start({ id => 'd', wait => 1, command => [ $^X, '-e', 'print "x" x 99 for 1 .. 2000; print "end"' ] });
ok answered($reports, 3) && length $reports->[2]{output} == 32_768 && $reports->[2]{output} =~ /xend\z/, 'of much output the end';
$programs->start({ id => 'D', wait => 1, command => [ $^X, '-e', 'print "\1" x 99_999' ] });
ok answered($reports, 4) && length FastX::JSON::encode($reports->[3]) <= 65_536, '... which fits into a callback however it is escaped';
cmp_ok length $reports->[3]{output}, '>', 9_990, '... and is not cut more than that';

($programs, $reports) = programs();
$programs->start({ id => 'e', wait => 1, command => ['no-such-program'] });
ok answered($reports) && $reports->[0]{exit_code} == 126, 'a program that is not there is 126';
$programs->start({ id => 'f', wait => 1, command => $_ }) for '', {}, [], [ 'a', undef ], "a\0b";
is join(' ', map { $_->{exit_code} } @$reports), '126 126 126 126 126 126', 'so is what is no command';
($programs, $reports) = programs(directory => '/no/such/folder');
$programs->start({ id => 'g', wait => 1, command => 'true' });
ok answered($reports) && $reports->[0]{exit_code} == 126, 'so is a directory that is not there';
($programs, $reports) = programs(early => 1);
$programs->start({ id => 'h', wait => 1, command => 'true' });
like told($reports), qr/ h 126 .*not ready/, 'so is one before the display is there';
{
    no warnings 'redefine';
    local *FastX::Process::start = sub { return (undef, 'no process can be started: Resource temporarily unavailable') };
    ($programs, $reports) = programs();
    ok eval { $programs->start({ id => 'i', wait => 1, command => 'true' }); 1 }, 'no room for a process harms nobody else';
    like told($reports), qr/ i 126 .*temporarily unavailable/, '... and is 126';
    is_deeply [ $programs->groups ], [], '... and nothing runs';
}
($programs, $reports) = programs();
$programs->start({ id => $_, wait => 1, command => [ 'sleep', '100' ] }) for 1 .. 33;
like told($reports), qr/\Aexec_exited 33 126 too many/, 'more than 32 at a time are refused';
$_->kill_now for values %{ $programs->{running} };
ok answered($reports, 33), '... until others ended';

($programs, $reports) = programs();
$programs->start({ id => 'j', command => 'exit 3' });
$programs->start({ id => 'k', wait => 0, command => '' });
ok wait_until($loop, sub { !$programs->groups }), 'one that nobody waits for';
is @$reports, 0, '... is not answered';
my $logged = '';
$programs->{on_output} = sub { $logged .= $_[0] };
$programs->start({ id => 'K', wait => 1, command => 'echo answered' });
$programs->start({ id => 'K', command => 'echo out; echo err >&2' });
ok wait_until($loop, sub { @$reports && !$programs->groups }), 'what is printed';
is $logged, "out\nerr\n", '... goes to the log where there is no answer to go into';

($programs, $reports) = programs();
$programs->start({ id => 'l', wait => 1, command => [ $^X, '-e', '$| = 1; print "last words"; sleep 100' ] });
wait_until($loop, sub { (values %{ $programs->{running} })[0]->tail_text });
$programs->admit_no_more;
$programs->start({ id => 'm', wait => 1, command => 'true' });
is told($reports), 'exec_exited m 126 the session is ending', 'while the session ends no other is started';
my $closed;
kill KILL => map { -$_ } $programs->groups;
$programs->close(sub { $closed = @$reports });
ok wait_until($loop, sub { defined $closed }), 'the end is told';
is $closed, 2, '... after the answer for what was still running';
is $reports->[1]{exit_code} . $reports->[1]{output}, '137last words', '... with its exit code and last words';
$programs->start({ id => 'n', wait => 1, command => 'true' });
is @$reports, 2, 'after that nothing is answered';

($programs, $reports) = programs();
$programs->close(sub { $closed = 'at once' });
is $closed, 'at once', 'where nothing runs there is no waiting';
($programs, $reports) = programs();
$programs->start({ id => 'o', wait => 1, command => [ 'sleep', '100' ] });
my ($immortal) = values %{ $programs->{running} };
undef $closed;
$programs->close(sub { $closed = 1 });
ok wait_until($loop, sub { $closed }), 'a process that does not go is not waited for without end';
$immortal->kill_now;
ok wait_until($loop, sub { !$programs->groups }), '... and when it goes';
is @$reports, 0, '... it comes too late';
done_testing;
