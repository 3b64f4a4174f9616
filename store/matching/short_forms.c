#include "store/matching/levels.h"

/* Groups of English given names that people use for one another, a line each; a name may be in several. */
static const char groups[] =
    "|alexander alex al alec sandy alexandra sasha xander lex|andrew andy drew|anthony tony ant|"
    "arthur art artie|abraham abe|albert al bert bertie|alfred alf alfie fred|ann anne annie nan anna|"
    "barbara barb babs barbie|benjamin ben benny benji|bernard bernie|beatrice bea trixie|"
    "bridget biddy bridie|"
    "catherine katherine kathryn kathleen kate katie kathy cathy kitty kit kat catharine kay|"
    "charles charlie chas chuck charley|charlotte lottie charlie|christopher chris kit topher kester|"
    "christine christina chris tina chrissie kirsty|clarence clare|daniel dan danny|david dave davy davey|"
    "deborah deb debbie debra|donald don donny|dorothy dot dolly dottie|douglas doug|"
    "edward ed eddie ted teddy ned edmund edwin|eleanor nell nellie nora ellie|"
    "elizabeth eliza liz lizzie beth betty bess bessie betsy libby eliz|emily em emmie|ernest ernie|"
    "eugene gene|ferdinand ferdy|florence flo florrie flossie|frances fanny fran|francis frank frankie fran|"
    "franklin frank|frederick fred freddie freddy frederic|gabriel gabe|geoffrey jeff geoff|"
    "george georgie geo|gerald gerry jerry gerard|gertrude gertie trudy|gilbert gil bert|gregory greg|"
    "harold harry hal|harriet hattie harry|henry harry hank hal|herbert herb bert bertie|hugh hughie hugo|"
    "isaac ike zac|isabella isabel isobel bella bell izzy|jacob jake jack|james jim jimmy jamie jas jem|"
    "jane janie jenny|janet jan|jeffrey jeff|jennifer jen jenny jennie|jeremy jerry jem|jessica jess jessie|"
    "joanna jo joanne|john jack johnny jon jock|jonathan jon jonny nathan|joseph joe joey jos|"
    "josephine jo josie|joshua josh|judith judy|julia julie jule|katharine kate kathy|kenneth ken kenny|"
    "lawrence larry laurie laurence lawrie|leonard len lenny leo|lewis louis lew lou|lillian lily lil|"
    "louise lou|lucy lucille lucinda lu|margaret maggie meg peggy marge margie madge peg mags|"
    "martha mattie patty|martin marty|mary molly polly mamie maria marie|matilda tilly mattie maud|"
    "matthew matt matty mat|michael mike mick micky mickey mitch|nathaniel nat nathan nate|"
    "nicholas nick nicky nic nicolas|oliver ollie noll|pamela pam|patricia pat patty trish tricia patsy|"
    "patrick pat paddy|penelope penny|peter pete|philip phil pip phillip|phoebe phebe|priscilla cilla|"
    "rachel rae|ralph rafe|raymond ray|rebecca becky becca|reginald reg reggie|"
    "richard dick rick rich richie ricky dickie|robert bob rob bobby robbie bert robin|roger rodge|"
    "ronald ron ronnie|rosemary rose rosie|rudolph rudy|russell russ|samantha sam|samuel sam sammy|"
    "sarah sally sara|sidney sid sydney|simon si|stanley stan|stephen steve steven stevie steph|"
    "stephanie steph|susan sue susie suzy susanna susannah suzanne|sylvester syl|terence terry|"
    "theodore ted teddy theo|theresa terry tess tessa teresa|thomas tom tommy thos|timothy tim|tobias toby|"
    "ursula ursie|valerie val|veronica ronnie vera|victor vic|victoria vicky vic tori|vincent vince vin|"
    "virginia ginny ginger|walter wally walt wat|wilfred wilf fred|wilhelmina mina minnie billie|"
    "william bill will billy willie wm liam willy|winifred winnie freda|zachary zach zack zac|";

/* Where a group's word begins that is exactly `name`, from `from` on; null: nowhere. */
static const char *word_find(const char *from, struct bytes name)
{
    for (const char *at = from; (at = memchr(at, name.data[0], (size_t)(groups + sizeof groups - 1 - at)));
         at++) {
        size_t left = (size_t)(groups + sizeof groups - 1 - at);
        if (left <= name.length)
            return NULL;
        if (memcmp(at, name.data, name.length) == 0 && (at[-1] == ' ' || at[-1] == '|') &&
            (at[name.length] == ' ' || at[name.length] == '|'))
            return at;
    }
    return NULL;
}

bool match_is_short_form(struct bytes a, struct bytes b)
{
    if (a.length < 2 || b.length < 2 || memchr(a.data, '|', a.length) || memchr(b.data, '|', b.length))
        return false;
    for (const char *at = groups; (at = word_find(at, a)); at++) {
        const char *begin = at, *end = strchr(at, '|');
        while (begin[-1] != '|')
            begin--;
        for (const char *other = begin; (other = word_find(other, b)) && other < end; other++)
            return true;
    }
    return false;
}
