package FastX::DesktopCommand;

# Whether a command brings a window manager: a whole desktop does, and so does a
# script that starts one before its program. They are told by their names.

use strict;
use warnings;

use constant LONGEST_SCRIPT_BYTES => 65_536;

# What a desktop or a window manager is called, the latter mostly ...wm.
my $NAME = qr/\A(?:
      start(?:x|xfce4|lxde|lxqt|kde|dde|fluxbox|plasma[a-z0-9-]*)
    | (?:xfce4|gnome|mate|cinnamon|lxqt|lx|openbox|icewm|plasma|budgie|ukui|dde|x)-?session(?:-manager)?
    | [a-z]*wm[0-9]? | (?:x|matchbox)-window-manager | kwin_x11
    | openbox | fluxbox | blackbox | i3 | awesome | enlightenment(?:_start)? | e16 | marco | metacity
    | mutter | muffin | compiz | sawfish | wmaker | afterstep | xmonad | qtile | ratpoison
    | gnome-shell | cinnamon | budgie-desktop | Xsession
)\z/x;

# What a script has before the program that a line of it runs.
my $BEFORE = qr{(?:exec|nohup|setsid|[A-Za-z_]\w*=\S*|(?:\S*/)?dbus-(?:launch|run-session)|-\S+)\s+}x;

# $command: text for a shell, or a list; $path: where its programs are found.
sub is_one {
    my ($command, $path) = @_;
    my @words = map { grep { length && !/\A-/ } split m{[\s;&|()<>"'`=]+} } ref $command ? @$command : $command;
    return 1 if grep { _is_named($_) } @words;
    for my $word (@words) {
        my $script = _script($word, $path) // next;
        return scalar grep { /\A\s*$BEFORE*([^\s;&|]+)/ && _is_named($1) } split /\n/, $script;
    }
    return 0;
}

sub _is_named { return $_[0] =~ s{.*/}{}sr =~ $NAME }

# The text of a program that is a script, undef for any other.
sub _script {
    my ($word, $path) = @_;
    for my $file ($word =~ m{/} ? $word : map { "$_/$word" } split /:/, $path) {
        next if !-f $file || !-x _;
        open my $in, '<:raw', $file or return undef;
        sysread $in, my $text, LONGEST_SCRIPT_BYTES;
        return ($text // '') =~ /\A#!/ ? $text : undef;
    }
    return undef;
}

1;
