# The bundle's window manager: its own environment, its end, and whose turn it is.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use Cwd 'abs_path';
use FastX::Loop;
use FastX::WindowManager;
use Relay qw(wait_until scratch);

my $loop = FastX::Loop->new;
my ($is_managed, $asked, $watched, $event, $ready, $questions, $painted) = (0, 0);
{ package Display; sub root { return 1 } sub close { return } sub paint_root { $painted++; return }
  sub create_window { return 2 } sub atom { return $_[2]->(3) } sub send_message { $questions++; return }
  sub attributes { my (undef, undef, $on_attributes) = @_; $asked++; return $on_attributes->({ is_managed => $is_managed }) } }
no warnings qw(redefine once);
require FastX::Windows;
local *FastX::X11::connect = sub { my (undef, %option) = @_; $event = $option{on_event}; $loop->after(0, $option{on_ready}); return bless {}, 'Display' };
local *FastX::Windows::watch = sub { my (undef, %option) = @_; $watched = \%option; return bless {}, 'Display' };
local *FastX::Xauthority::cookie = sub { 'cookie' };
my @said;
local *FastX::Log::line = sub { push @said, $_[0]; return };

# Says what it was given, and stays or ends.
my $PROGRAM = <<'PERL';
#!%s
open my $starts, '>>', "$ENV{HOME}/starts"; syswrite $starts, "$$ @ARGV\n";
open my $out, '>', "$ENV{HOME}/environment"; print $out map { "$_=$ENV{$_}\n" } sort keys %%ENV; close $out;
syswrite STDOUT, "cannot go on\n"; exit 3 if -e "$ENV{HOME}/../ends";
sleep 60;
PERL

my $folder;
sub manager {
    my (%change) = @_;
    $folder = scratch();
    mkdir "$folder/$_" for qw(bundle bundle/bin private);
    open my $out, '>', "$folder/bundle/bin/openbox" or die; printf $out $PROGRAM, $^X; close $out;
    chmod 0755, "$folder/bundle/bin/openbox" if !$change{old_bundle};
    if ($change{ends}) { open my $mark, '>', "$folder/private/ends" }
    (@said, $asked, $watched, $ready, $painted) = ();
    my $manager = FastX::WindowManager->new(loop => $loop, display => ':7', xauthority => 'cookie.file', directory => "$folder/private",
        settings => { depth => 24, bundle => "$folder/bundle", command => $change{command} // 'xterm' });
    $manager->start('/nowhere', sub { $ready++ });
    return $manager;
}
sub text { my ($name) = @_; open my $in, '<', "$folder/private/window-manager/$name" or return ''; local $/; return <$in> // '' }
sub starts { return scalar split /\n/, text('starts') }
sub is_said { my ($words) = @_; return wait_until($loop, sub { grep { /$words/ } @said }, 20) }

$ENV{FONTCONFIG_FILE} = $ENV{OF_THE_IMAGE} = 'theirs';
my $manager = manager();
ok wait_until($loop, sub { text('environment') =~ /XLOCALEDIR/ or do { $loop->after(0.01, sub { }); 0 } }), 'it starts';
my $own = "$folder/private/window-manager";
like text('environment'), qr/^\Q$_\E$/m, $_ for 'DISPLAY=:7', 'XAUTHORITY=cookie.file', "HOME=$own", "XDG_CACHE_HOME=$own",
    "FONTCONFIG_FILE=$folder/bundle/share/window-manager/fonts.conf";
unlike text('environment'), qr/theirs/, 'nothing of the image';
is $ready, undef, 'the command waits for it';
$questions = 0;
ok wait_until($loop, sub { $questions > 1 }), '... which is asked again and again';
$event->($_) for 19, 28, 28;
is $ready, 1, '... and no longer than until it answers';
my ($file) = text('starts') =~ /--config-file (\S+)/;
ok -f $file, 'its settings are there';
my ($pid) = text('starts') =~ /\A([0-9]+)/;
$manager->stop;
ok wait_until($loop, sub { !kill 0 => $pid }), 'it ends with the session';
wait_until($loop, sub { 0 }, 0.3);
is_deeply [ $asked, @said ], [undef], '... which is no news';

$manager = manager(ends => 1);
ok is_said('ended too often'), 'one that always ends is started again, not without end';
is starts(), 6, '... six times in all';
is $ready, 1, '... and the command starts all the same';
is $painted, 1, '... on a background that is painted once';
like $said[0], qr/ended with exit code 3 \(cannot go on\)/, '... with its last words';
$is_managed = 1;
$manager = manager(ends => 1);
ok is_said('another window manager has taken over'), 'one that has been replaced';
wait_until($loop, sub { 0 }, 0.3);
is starts(), 1, '... stays away';

manager(old_bundle => 1);
like "@said", qr/\Awindows are not managed: \S.* build it again\z/, 'an older bundle has none';
is $ready, 1, '... which holds up nobody';

for ([ 1, 0, 'stays away where the command has brought one' ], [ 0, 1, 'takes its place where it has not' ]) {
    my ($there, $started, $what) = @$_;
    $is_managed = $there;
    $manager = manager(command => 'startxfce4');
    wait_until($loop, sub { 0 }, 0.2);
    is_deeply [ starts(), $ready ], [ 0, 1 ], 'the one of a desktop is waited for';
    $watched->{on_open}->();
    ok wait_until($loop, sub { $asked }, 10), '... until there are windows';
    wait_until($loop, sub { $loop->after(0.01, sub { }); starts() == 1 }, $started ? 10 : 0.3);
    is starts(), $started, "... and then it $what";
    $manager->stop;
}
done_testing;
