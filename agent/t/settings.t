# What is wrong in session.json is named; what is only unusual is replaced.
use strict; use warnings; use utf8; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::JSON;
use FastX::Settings;
use Relay 'scratch';

my $file = scratch() . '/session.json';
my %good = (session => '01jd', user => 'alice', home => '/home/älice', token => 't', command => 'xterm',
    relay => { session => 'unix:/s', display => 'unix:/d' });
sub loaded {
    my (%change) = @_;
    open my $out, '>:raw', $file or die; print $out FastX::JSON::encode({ %good, %change }); close $out;
    my $settings = eval { FastX::Settings::load($file) };
    return $settings // "ERROR $@";
}

my $settings = loaded();
is $settings->{geometry}, '1280x800', 'defaults';
is $settings->{home}, "/home/\xc3\xa4lice", 'texts are bytes';
is_deeply $settings->{complaints}, [], 'nothing to complain about';
is_deeply loaded(command => [ 'a', 'b c', 1 ])->{command}, [ 'a', 'b c', '1' ], 'a list';
for my $key (qw(session user home token command relay)) {
    like loaded($key => undef), qr/lacks '$key'/, "$key is asked for";
    like loaded($key => {}), qr/lacks '$key'/, '... and of the right kind';
}
like loaded(command => []), qr/lacks 'command'/, 'an empty list is no command';
like loaded(command => ["a\0b"]), qr/lacks 'command'/, 'no argument holds NUL';
like loaded(token => "a\r\nb"), qr/token/, 'no header is smuggled in by a token';
for ([ geometry => '12x-geometry' ], [ geometry => '99999x10' ], [ clipboard => 'maybe' ], [ depth => 7 ], [ dpi => '96 -x' ],
    [ heartbeat_seconds => 'often' ], [ log_tail_bytes => 1_000_000 ], [ desktop => '' ], [ depth => [] ]) {
    my ($key, $value) = @$_;
    my $replaced = loaded($key => $value);
    isnt $replaced->{$key}, $value, "$key '$value' is replaced";
    like $replaced->{complaints}[0], qr/\A$key /, '... with a word';
}
open my $out, '>', $file or die; print $out '{'; close $out;
ok !eval { FastX::Settings::load($file) } && $@ =~ /not JSON/, 'no JSON';
ok !eval { FastX::Settings::load("$file.missing") } && $@ =~ /cannot be read/, 'no file';
done_testing;
