# Only a command that is bound to fail is called missing.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::CommandLine;
use Relay 'scratch';

my $folder = scratch();
mkdir "$folder/sub";
open my $file, '>', "$folder/tool" or die; close $file; chmod 0755, "$folder/tool";
open $file, '>', "$folder/plain" or die; close $file;
sub missing { return FastX::CommandLine::missing_program($_[0], "/nowhere:$folder", $folder) }

is missing($_), undef, "not judged: $_" =~ s/\n/ /r for 'tool', ' tool -x', 'cd /tmp', 'exec nope', 'A=b nope', 'nope || tool',
    'nope; tool', "nope\ntool", '"nope"', '$nope', '(nope)', 'if true', 'nope() { :; }', '~/nope', './tool', "$folder/tool", '', '# nope',
    'nope > x', '{ nope; }', '! nope', 'no*pe', "'no pe'";
is missing('nope'), 'nope', 'a word that is in no folder';
is missing('  nope -x "y"'), 'nope', '... with arguments';
is missing('plain'), 'plain', 'a file that is not executable';
is missing('sub'), 'sub', 'a folder';
is missing('./nope'), './nope', 'a relative path';
is missing('/no/such/thing -a'), '/no/such/thing', 'an absolute path';

sub not_found { return FastX::CommandLine::not_found_program(@_) }
is not_found('cd /tmp && nope', "starting\nsh: 1: nope: not found\n"), 'nope', 'what dash did not find';
is not_found('./start', "./start: line 7: no/such: command not found\n"), 'no/such', '... and bash';
is not_found('nope; exit $?', "something else\n"), 'nope', 'without its words the first of the line';
is not_found(' (nope', ''), 'nope', '... alone';
is not_found(';', ''), '', '... if there is any';
done_testing;
